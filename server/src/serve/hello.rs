//! The daemon's side of the hello: one line each way, then a decision.

use std::io;

use schema::hello::{BridgeHello, Purpose, Refusal, WIRE, WireRange};
use schema::limits::HELLO_WAIT;
use schema::{Code, Fault};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::front::{Front, Stage};
use super::lines::{Line, LineReader};
use super::token::Token;

/// Says hello, reads the bridge's, and decides. `None` when the bridge was
/// refused (it was told why) or went away.
pub async fn exchange<R, W>(
    front: &Front,
    lines: &mut LineReader<R>,
    write: &mut W,
) -> io::Result<Option<BridgeHello>>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let stage = front.settled_stage().await;
    write_line(write, &front.hello(&stage)).await?;
    let line = match tokio::time::timeout(HELLO_WAIT, lines.next()).await {
        Ok(line) => line?,
        Err(_late) => {
            let words = format!("no hello within {} s", HELLO_WAIT.as_secs());
            let refused = Fault::new(Code::Timeout, words);
            write_line(write, &Refusal { refused }).await?;
            return Ok(None);
        }
    };
    match decide(line, &front.token, &stage) {
        Ok(hello) => Ok(hello),
        Err(refused) => {
            tracing::warn!(code = %refused.code, "a connection was refused: {refused}");
            write_line(write, &Refusal { refused }).await?;
            Ok(None)
        }
    }
}

/// Writes one JSON line.
pub(super) async fn write_line<W, T>(write: &mut W, value: &T) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
    T: Serialize + Sync,
{
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    write.write_all(&line).await?;
    write.flush().await
}

/// Takes or refuses the bridge's line; `None` when it closed instead.
fn decide(line: Line, token: &Token, stage: &Stage) -> Result<Option<BridgeHello>, Fault> {
    let text = match line {
        Line::End => return Ok(None),
        Line::TooLong(_) => {
            return Err(Fault::new(Code::TooLarge, "the hello line is too long"));
        }
        Line::Whole(text) => text,
    };
    let hello: BridgeHello = serde_json::from_slice(&text).map_err(|error| {
        // The place only: the words of the error may quote the line.
        let words = format!("this is no hello (column {})", error.column());
        Fault::new(Code::InvalidArgument, words)
            .next("use a remote-shell-mcp bridge of the daemon's version")
    })?;
    if !token.matches(hello.token.expose()) {
        return Err(Fault::new(Code::Denied, "the token is not this daemon's")
            .next("read the handle again: its token is new at each start of the daemon"));
    }
    if WIRE.common(hello.wire).is_none() {
        return Err(no_common_wire(hello.wire));
    }
    match (hello.purpose, stage) {
        (Purpose::Control, _) | (Purpose::Mcp, Stage::Ready(_)) => Ok(Some(hello)),
        (Purpose::Attach, _) => Err(Fault::new(
            Code::Unavailable,
            "this daemon does not serve attach yet",
        )),
        (Purpose::Mcp, Stage::Opening) => Err(Fault::new(
            Code::Upgrading,
            "the daemon is opening its databases",
        )
        .next("connect again in a second")),
        (Purpose::Mcp, Stage::Refusing(reason)) => {
            Err(Fault::new(Code::Unavailable, reason.clone()))
        }
    }
}

fn no_common_wire(theirs: WireRange) -> Fault {
    let older = if theirs.max < WIRE.min {
        "the bridge"
    } else {
        "the daemon"
    };
    Fault::new(
        Code::Unavailable,
        format!(
            "the bridge speaks wire {} to {}, the daemon {} to {}",
            theirs.min, theirs.max, WIRE.min, WIRE.max
        ),
    )
    .next(format!(
        "{older} is the older one: install both of one version, then `remote-shell-mcp daemon restart`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(token: &Token, wire: u32, purpose: &str) -> Line {
        let text = format!(
            r#"{{"wire":{{"min":{wire},"max":{wire}}},"version":"1","token":"{}","purpose":"{purpose}","mood":1}}"#,
            token.secret().expose()
        );
        Line::Whole(text.into_bytes())
    }

    fn refused(line: Line, token: &Token, stage: &Stage) -> Code {
        decide(line, token, stage).unwrap_err().code
    }

    #[test]
    fn a_hello_is_taken_or_refused_by_token_wire_and_purpose() {
        let token = Token::generate().unwrap();
        let other = Token::generate().unwrap();
        let refusing = Stage::Refusing("newer database".into());
        let control = decide(line(&token, 1, "control"), &token, &refusing);
        assert_eq!(control.unwrap().unwrap().purpose, Purpose::Control);
        assert_eq!(decide(Line::End, &token, &refusing), Ok(None));
        for (given, code) in [
            (line(&other, 1, "control"), Code::Denied),
            (line(&token, 9, "control"), Code::Unavailable),
            (line(&token, 1, "mcp"), Code::Unavailable),
            (line(&token, 1, "attach"), Code::Unavailable),
            (line(&token, 1, "dance"), Code::InvalidArgument),
            (Line::Whole(b"{}".to_vec()), Code::InvalidArgument),
            (Line::TooLong(vec![]), Code::TooLarge),
        ] {
            assert_eq!(refused(given, &token, &refusing), code);
        }
        assert_eq!(
            refused(line(&token, 1, "mcp"), &token, &Stage::Opening),
            Code::Upgrading
        );
    }

    #[test]
    fn a_refusal_never_repeats_the_line() {
        let token = Token::generate().unwrap();
        let fault = decide(
            Line::Whole(br#"{"token":"canary-7"}"#.to_vec()),
            &token,
            &Stage::Opening,
        )
        .unwrap_err();
        assert!(!format!("{fault:?}").contains("canary"));
    }
}
