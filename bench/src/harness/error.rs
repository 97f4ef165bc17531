//! Why a figure could not be measured.

use std::io;
use std::path::PathBuf;
use tring_client::ClientError;

/// A run failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error("cannot find this program's own path: {0}")]
    Exe(io::Error),
    #[error("cannot start the async runtime: {0}")]
    Runtime(io::Error),
    #[error("cannot start {path}: {source}. Build it: `make bench` does")]
    Start { path: PathBuf, source: io::Error },
    #[error("the server did not come up; its log says: {0}")]
    Server(String),
    #[error("no profile: {0}")]
    Perf(String),
    #[error("the server's metrics cannot be read: {0}")]
    Metrics(io::Error),
    #[error("the server forwarded no packet at all; its log ends: {0}")]
    Silent(String),
    #[error("cannot prepare the server's folder: {0}")]
    Folder(io::Error),
    #[error("cannot make an app: {0}")]
    Store(#[from] tring_store::StoreError),
    #[error("cannot sign: {0}")]
    Sign(#[from] tring_usersig::SignError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("a client was closed while it was measured")]
    Closed,
    #[error("{0} did not happen in time")]
    Late(&'static str),
    #[error("cannot read {path}: {why}. The figures need Linux")]
    Proc { path: String, why: String },
    #[error(
        "the limit of open files is {found} and {wanted} are needed: `ulimit -n {wanted}` as a user who may"
    )]
    Files { found: u64, wanted: u64 },
    #[error("the bare forwarder failed: {0}")]
    BareForwarder(String),
    #[error("Janus cannot be measured: {0}")]
    Janus(String),
    #[error("the laboratory failed: {0}")]
    Lab(io::Error),
    #[error("the load failed: {0}")]
    Load(io::Error),
    #[error("a client's connection failed: {0}")]
    Peer(#[from] tring_media::PeerError),
    #[error("the server gave no address of a stream that this program can reach")]
    Stream,
    #[error("the engine refused what it should carry out: {0:?}")]
    Engine(tring_protocol::ErrorCode),
    #[error("not measured: {0:?}; the table says why")]
    Parts(Vec<super::plan::Figure>),
    #[error("an id of the run is none: {0}")]
    Id(#[from] tring_protocol::IdError),
    #[error(
        "cannot write {path}: {source}. Start it in the repository's root, or name the file with --readme"
    )]
    Write { path: PathBuf, source: io::Error },
}
