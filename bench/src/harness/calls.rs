//! Calls between clients: the steps that several figures make.

use super::error::BenchError;
use super::server::Server;
use std::time::Duration;
use tring_client::{CallId, Client, Event, Media, MediaType};

/// Longest wait for one step of a call. A server that needs longer has failed; a shorter wait fails on a slow machine.
pub(crate) const STEP: Duration = Duration::from_secs(20);

/// Two people in an answered call.
pub(crate) type Pair = (Client, Client, CallId);

/// Signs the users `a{name}` and `b{name}` in; the first calls the second, who accepts.
///
/// # Errors
///
/// A client's own, or [`BenchError::Late`] after [`STEP`]: the figure cannot be measured.
pub(crate) async fn answered_call(server: &Server, name: &str, media: MediaType) -> Result<Pair, BenchError> {
    let (a, b) = (server.client(&format!("a{name}")).await?, server.client(&format!("b{name}")).await?);
    let call = a.call(b.user().as_str(), media).await?;
    wait_for(&b, |e| matches!(e, Event::Invited { .. })).await?;
    b.accept(&call).await?;
    wait_for(&a, |e| matches!(e, Event::Accepted { .. })).await?;
    Ok((a, b, call))
}

/// Reads events until one is wanted; those before it are dropped.
///
/// # Errors
///
/// [`BenchError::Closed`] where the client ends, [`BenchError::Late`] after [`STEP`]: the figure cannot be measured.
pub(crate) async fn wait_for(client: &Client, wanted: impl Fn(&Event) -> bool) -> Result<(), BenchError> {
    let found = async {
        while let Some(event) = client.next_event().await {
            if wanted(&event) {
                return Ok(());
            }
        }
        Err(BenchError::Closed)
    };
    tokio::time::timeout(STEP, found).await.map_err(|_| BenchError::Late("a step of a call"))?
}

/// Waits until the media of both people may flow.
///
/// # Errors
///
/// [`BenchError::Late`] after [`STEP`], or why a connection failed: the figure cannot be measured.
pub(crate) async fn both_connected(a: &Media, b: &Media) -> Result<(), BenchError> {
    let both = async { tokio::try_join!(a.connected(), b.connected()) };
    tokio::time::timeout(STEP, both).await.map_err(|_| BenchError::Late("a join"))??;
    Ok(())
}
