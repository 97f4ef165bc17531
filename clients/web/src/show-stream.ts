/** Shows a stream; keeps the picture if it is the same one. */
export function showStream(video: HTMLVideoElement, stream: MediaStream | null): void {
  const now = video.srcObject instanceof MediaStream ? video.srcObject : null
  const tracks = (s: MediaStream | null) =>
    s === null
      ? ""
      : s
          .getTracks()
          .map((t) => t.id)
          .join()
  if (tracks(now) !== tracks(stream)) video.srcObject = stream
}
