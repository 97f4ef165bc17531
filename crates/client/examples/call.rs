//! Calls one user, is silent for some seconds, and says what it heard.
//!
//! `cargo run -p tring-client --example call -- bob` with `{"sdkAppID":…,"userID":"…","userSig":"…"}` on stdin: who calls, as
//! `POST /v1/usersig`, the demo's signer and `tring usersig sign --json` print it. A second argument names the server's
//! WebSocket, else `ws://localhost:8080/v1/socket`.

use serde_json::Value;
use std::error::Error;
use std::time::Duration;
use tring_client::{
    CallRequest, Client, ClientError, EndReason, ErrorCode, Event, Media, MediaKind, MediaOptions, MediaType,
    Options, UserId,
};

/// One frame of Opus that holds silence (RFC 6716: 20 ms, CELT). Put an encoder in its place.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// Time between two frames, and what it is on Opus' clock of 48 kHz.
const FRAME: Duration = Duration::from_millis(20);
const FRAME_TICKS: u32 = 960;

/// Frames until it hangs up: five seconds.
const FRAMES: u32 = 250;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let callee = arguments.next().ok_or("usage: call USER [ws://HOST:PORT/v1/socket]")?;
    let server = arguments.next().unwrap_or_else(|| "ws://localhost:8080/v1/socket".into());

    // Who calls.
    let who: Value = serde_json::from_reader(std::io::stdin())?;
    let app = who["sdkAppID"].as_u64().and_then(|id| u32::try_from(id).ok()).ok_or("no sdkAppID on stdin")?;
    let text = |name: &str| who[name].as_str().ok_or(format!("no {name} on stdin"));
    let client = Client::connect(Options::new(&server, app, text("userID")?, text("userSig")?)?).await?;

    // It rings. `fail_fast`: the call ends at once if the other side has no device that could.
    let request = CallRequest {
        to: vec![UserId::new(&callee)?],
        media: MediaType::Audio,
        timeout_s: None,
        fail_fast: true,
        data: None,
    };
    let call = client.call_with(request).await?;
    println!("calling {callee}");
    // Connects while it rings; the server lets nothing through before the answer.
    let media = match Media::connect(&client, &call, MediaOptions::voice()).await {
        Ok(media) => Some(media),
        // It is over already; the event below says why.
        Err(ClientError::Refused(refused)) if refused.code == ErrorCode::CallUnknown => None,
        Err(error) => return Err(error.into()),
    };

    let mut ticks = tokio::time::interval(FRAME);
    let (mut answered, mut sent) = (false, 0);
    loop {
        tokio::select! {
            event = client.next_event() => match event {
                Some(Event::Ringing { user_id, .. }) => println!("{user_id}'s phone rings"),
                Some(Event::Accepted { user_id, .. }) => {
                    println!("{user_id} answers");
                    answered = true;
                }
                Some(Event::Ended { reason, duration_s, .. }) => {
                    println!("the call is over after {duration_s} s: {}", why(reason));
                    break;
                }
                Some(_) => {}
                None => return Err("the session is over".into()),
            },
            _ = ticks.tick(), if answered => {
                let Some(media) = &media else { continue };
                media.send(MediaKind::Audio, sent * FRAME_TICKS, sent == 0, SILENCE.to_vec()).await;
                sent += 1;
                if sent == FRAMES {
                    client.hangup(&call).await?;
                    answered = false;
                }
            }
        }
    }
    let heard = media.map_or(0, |media| media.tally().of(MediaKind::Audio).packets);
    println!("packets of sound: {sent} sent, {heard} heard");
    client.logout().await?;
    Ok(())
}

fn why(reason: EndReason) -> String {
    match reason {
        EndReason::NoResponse => "nobody with that name is signed in".into(),
        other => format!("{other:?}"),
    }
}
