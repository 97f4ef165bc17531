//! What ends an RTMP connection.

/// Why a connection cannot go on. Each is the peer's doing; none costs more than this connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RtmpError {
    /// The first byte is not RTMP's version 3 (RTMP 1.0 §5.2.2): another protocol on this port.
    #[error("the first byte is {0}: RTMP begins with 3. Is this address meant for another protocol?")]
    NotRtmp(u8),
    /// More chunk streams at a time than [`super::chunk::MAX_CHUNK_STREAMS`].
    #[error("more than {} chunk streams", super::chunk::MAX_CHUNK_STREAMS)]
    TooManyChunkStreams,
    /// A message longer than its kind may be.
    #[error("a message of {0} bytes is longer than its kind may be")]
    MessageTooLong(usize),
    /// Unfinished messages hold more than [`super::chunk::MAX_UNFINISHED`].
    #[error("unfinished messages hold more than {} bytes", super::chunk::MAX_UNFINISHED)]
    TooMuchUnfinished,
    /// A chunk that continues, or repeats the header of, a message that never was.
    #[error("a chunk refers to an earlier one that never came (chunk stream {0})")]
    NoEarlierChunk(u32),
    /// A new message begins while one of the same chunk stream is unfinished.
    #[error("a new message begins inside an unfinished one (chunk stream {0})")]
    Interrupted(u32),
    /// A chunk size of 0, or with the highest bit set (§5.4.1).
    #[error("a chunk size of {0}")]
    ChunkSize(u32),
    /// A control message that is too short.
    #[error("a control message of kind {0} is cut short")]
    Short(u8),
    /// A command that cannot be read.
    #[error("a command cannot be read: {0}")]
    Command(#[from] super::amf0::AmfError),
    /// A command where it has no meaning.
    #[error("the command {0} comes out of turn")]
    OutOfTurn(&'static str),
    /// Too many bytes or commands before anything was published or played.
    #[error("too much was sent before anything was published or played")]
    Chatter,
    /// Answers wait, and the peer goes on asking.
    #[error("answers wait to be read, and more is asked for: read them")]
    AnswersNotTaken,
    /// Media on a connection that publishes nothing.
    #[error("media comes without a publish that was accepted")]
    MediaBeforePublish,
}
