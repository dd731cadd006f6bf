//! A forward that listens on its session's host, on each link anew.

use std::sync::Arc;
use std::time::Duration;

use schema::Fault;
use schema::spec::ForwardKind;

use super::dial_in;
use super::handle::Forward;
use super::room::ForwardRoom;
use crate::link::{Connection, LinkError, RemoteListener, are_over, living};

/// How soon the host is asked again when it would not listen: sshd may not have
/// given up an earlier link of ours, which has the port.
const AGAIN: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// Has the host of `connection` listen as `forward` says.
pub(super) async fn listen(
    forward: &Forward,
    connection: &Arc<Connection>,
) -> Result<RemoteListener, LinkError> {
    let spec = forward.spec();
    connection.listen(&spec.bind_addr, spec.bind_port).await
}

/// Listens until the forward is to end, first with `listener`.
pub(super) async fn run(
    forward: Arc<Forward>,
    room: ForwardRoom,
    listener: Option<RemoteListener>,
) {
    let ending = forward.ending().clone();
    let mut current = listener;
    tokio::select! {
        biased;
        () = ending.cancelled() => {}
        () = on_each_link(&forward, &room, &mut current) => {}
    }
    // The port is free when this is told.
    if let Some(listens) = current {
        listens.stop().await;
    }
    forward.ended().cancel();
}

/// Listens on one link after the other; `current` is what there is to stop.
async fn on_each_link(
    forward: &Arc<Forward>,
    room: &ForwardRoom,
    current: &mut Option<RemoteListener>,
) {
    loop {
        if let Some(listener) = current {
            serve(forward, room, listener).await;
            *current = None;
            forward.does_not_listen("the session's link was lost".into());
        }
        *current = Some(listening_at_last(forward).await);
    }
}

/// The next link, from whichever session has the name.
async fn next_link(forward: &Forward) -> Arc<Connection> {
    let mut links = forward.links();
    loop {
        let mut state = links.borrow_and_update().state.clone();
        tokio::select! {
            link = living(&mut state) => if let Some(connection) = link {
                return connection;
            },
            changed = links.changed() => match changed {
                Ok(()) => continue,
                Err(_never) => std::future::pending::<()>().await,
            },
        }
        // Until another session takes its place.
        if are_over(&state) && links.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn listening_at_last(forward: &Forward) -> RemoteListener {
    let mut waits = AGAIN.iter();
    let mut wait = Duration::ZERO;
    loop {
        let connection = next_link(forward).await;
        match listen(forward, &connection).await {
            Ok(listener) => return listener,
            Err(error) => {
                let why = Fault::chain(&error);
                tracing::warn!(forward = %forward.id(), session = %forward.session_id(), why);
                forward.does_not_listen(why);
            }
        }
        wait = waits.next().copied().unwrap_or(wait);
        // A new link is another chance.
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = connection.closed().cancelled() => {}
        }
    }
}

/// Takes who comes until the link is gone.
async fn serve(forward: &Arc<Forward>, room: &ForwardRoom, listener: &mut RemoteListener) {
    forward.listens(listener.port());
    let ForwardKind::Remote {
        local_host,
        local_port,
    } = &forward.spec().kind
    else {
        return;
    };
    while let Some(arrival) = listener.accept().await {
        let place = tokio::select! {
            biased;
            () = listener.gone() => return,
            place = room.places.take(forward) => place,
        };
        let target = (local_host.clone(), *local_port);
        let carrying = dial_in::from_there(Arc::clone(forward), room.clone(), arrival, target);
        room.tasks.spawn(async move {
            carrying.await;
            drop(place);
        });
    }
}
