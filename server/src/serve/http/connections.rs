//! HTTP's connections: so many at once, and none that only pretends to ask.
//! Anybody on the machine can connect, so what has no token yet is bounded.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::routes::router;
use crate::serve::front::Front;

/// Connections at once; the next wait in the system's queue.
pub(super) const CONNECTIONS_MAX: usize = 128;

/// How long a request's head may take, and an unused connection stays.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// How long accepting rests when the system has no descriptor (FAULTS 19).
const BACK_OFF: Duration = Duration::from_millis(500);

type Service = TowerToHyperService<axum::Router>;

/// Serves HTTP until the daemon stops; what is being answered then is answered.
pub async fn serve(front: Arc<Front>, listener: TcpListener) {
    let service = TowerToHyperService::new(router(Arc::clone(&front)));
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = front.stop.cancelled() => break,
            Ok(room) = Arc::clone(&room).acquire_owned() => tokio::select! {
                () = front.stop.cancelled() => break,
                accepted = listener.accept() => accepted.map(|(stream, _)| (stream, room)),
            },
        };
        match accepted {
            Ok((stream, room)) => {
                let (front, service) = (Arc::clone(&front), service.clone());
                tasks.spawn(async move {
                    connection(&front, stream, service).await;
                    drop(room);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting HTTP failed");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn connection(front: &Front, stream: TcpStream, service: Service) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = front.stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}
