//! Mini-programs' media through real TCP, pushed and played by ffmpeg.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::proxy::Proxy;
use crate::common::*;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tring_protocol::*;

/// Pictures of 16 by 16 grey points that a player gives out.
const PICTURE: usize = 256;

struct Streams {
    push: String,
    play: String,
    flv: String,
}

async fn streams(device: &mut Device, call: &CallId) -> Streams {
    match device.ask(Request::Streams { call_id: call.clone() }).await.unwrap() {
        Success::Streams { push, play } => {
            assert_eq!(play.len(), 1);
            Streams {
                push: push.expose().to_owned(),
                play: play[0].url.expose().to_owned(),
                flv: play[0].flv_path.expose().to_owned(),
            }
        }
        other => panic!("{other:?}"),
    }
}

/// Two devices in an answered call.
async fn talking(server: &Server, media: MediaType) -> (Device, Device, CallId) {
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    let call = a.call("b", media).await;
    b.ring().await;
    b.ask(Request::Accept { call_id: call.clone() }).await.unwrap();
    (a, b, call)
}

fn ffmpeg(arguments: &str) -> Child {
    Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-threads", "1"])
        .args(arguments.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("ffmpeg: install it")
}

/// Pushes as a phone does: a picture every 66 ms, a key frame every two seconds, sound of 48 kHz.
fn push(url: &str) -> Child {
    ffmpeg(&format!(
        "-re -f lavfi -i testsrc2=s=360x640:r=15 -re -f lavfi -i sine=f=440:r=48000 -c:v libx264 -profile:v baseline \
         -preset ultrafast -tune zerolatency -pix_fmt yuv420p -b:v 600k -g 30 -c:a aac -b:a 48k -ac 1 -flush_packets 1 -f flv {url}"
    ))
}

/// Plays and gives out pictures.
fn play(url: &str) -> Child {
    ffmpeg(&format!(
        "-fflags nobuffer -probesize 32768 -analyzeduration 0 -i {url} -map 0:v -s 16x16 -pix_fmt gray -f rawvideo -"
    ))
}

/// Waits for this many pictures.
async fn pictures(player: &mut Child, count: usize) {
    let mut bytes = vec![0; PICTURE * count];
    let read = player.stdout.as_mut().unwrap().read_exact(&mut bytes);
    if !matches!(tokio::time::timeout(SOON * 2, read).await, Ok(Ok(_))) {
        let mut said = String::new();
        player.start_kill().unwrap();
        player.stderr.as_mut().unwrap().read_to_string(&mut said).await.unwrap();
        panic!("no {count} pictures: {said}");
    }
}

#[tokio::test]
async fn what_one_pushes_the_other_plays_by_rtmp_and_by_flv() {
    // Two workers: connections begin at one and go to the one that has the room.
    let server = Server::start_with(|c| c.media.workers = 2).await;
    let (mut a, mut b, call) = talking(&server, MediaType::Video).await;
    let (of_a, of_b) = (streams(&mut a, &call).await, streams(&mut b, &call).await);
    let _pusher = push(&of_a.push);
    let mut first = play(&of_b.play);
    pictures(&mut first, 20).await;
    // A second player takes the first one's place: FLV over HTTP this time.
    let mut second = play(&format!("http://{}{}", server.running.address, of_b.flv));
    pictures(&mut second, 20).await;
    let end = tokio::time::timeout(SOON, first.wait()).await;
    assert!(end.is_ok(), "the first player ends when it is replaced");

    assert_eq!(streams(&mut a, &call).await.push, of_a.push, "the same as long as the call lives");
    a.ask(Request::Hangup { call_id: call }).await.unwrap();
    assert!(tokio::time::timeout(SOON, second.wait()).await.is_ok(), "a player ends with its call");
    let mut late = play(&of_b.play);
    let status = tokio::time::timeout(SOON, late.wait()).await.unwrap().unwrap();
    assert!(!status.success(), "a ticket is void after its call");
}

#[tokio::test]
async fn a_camera_that_is_off_is_not_seen_and_comes_back() {
    let server = Server::start().await;
    let (mut a, mut b, call) = talking(&server, MediaType::Video).await;
    let (of_a, of_b) = (streams(&mut a, &call).await, streams(&mut b, &call).await);
    let _pusher = push(&of_a.push);
    let mut player = play(&of_b.play);
    pictures(&mut player, 5).await;
    let devices =
        |camera| Request::Devices { call_id: call.clone(), microphone: true, camera, sources: None };
    a.ask(devices(false)).await.unwrap();
    // What was on its way, then nothing.
    let mut out = player.stdout.take().unwrap();
    let mut bytes = [0; PICTURE];
    while let Ok(read) = tokio::time::timeout(QUIET * 6, out.read_exact(&mut bytes)).await {
        read.unwrap();
    }
    a.ask(devices(true)).await.unwrap();
    player.stdout = Some(out);
    pictures(&mut player, 5).await;
}

#[tokio::test]
async fn a_stranger_gets_nothing_and_harms_nobody() {
    let server = Server::start().await;
    let (mut a, mut b, call) = talking(&server, MediaType::Video).await;
    let (of_a, of_b) = (streams(&mut a, &call).await, streams(&mut b, &call).await);
    let _pusher = push(&of_a.push);
    let mut player = play(&of_b.play);
    pictures(&mut player, 2).await;

    let address = server.running.rtmp.unwrap();
    let mut open = Vec::new();
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[3; 5000], &[0xff; 100], b"\x03"] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let _ = socket.write_all(garbage).await;
        open.push(socket);
    }
    let wrong = of_b.play.replace("ticket=", "ticket=0");
    for url in [wrong, of_b.play.split('?').next().unwrap().to_owned(), of_a.push.clone()] {
        let mut player = play(&url);
        let status = tokio::time::timeout(SOON, player.wait()).await.unwrap().unwrap();
        assert!(!status.success(), "{url}");
    }
    for path in ["/live/x.flv", "/live/x.flv?ticket=zz", &format!("/live/x.flv?ticket={}", "0".repeat(32))] {
        let (status, body) = server.http(&format!("GET {path}"), "", "").await;
        assert_eq!(status, 403, "{path}: {body}");
    }
    pictures(&mut player, 5).await;
}

#[tokio::test]
async fn through_the_documented_https_proxy_a_device_signs_in_and_plays() {
    let server = Server::start().await;
    let (mut a, mut b, call) = talking(&server, MediaType::Video).await;
    let (of_a, of_b) = (streams(&mut a, &call).await, streams(&mut b, &call).await);
    let proxy = Proxy::before(server.running.address);
    let _pusher = push(&of_a.push);
    let mut player = play(&format!("https://{}{}", proxy.https, of_b.flv));
    pictures(&mut player, 20).await;

    let app = server.app("other").await;
    let mut through = server.device(&app, "c").await;
    through.socket =
        tokio_tungstenite::connect_async(format!("ws://{}/v1/socket", proxy.http)).await.unwrap().0;
    through.login(&app, "c").await.unwrap();
}

#[tokio::test]
async fn streams_are_for_those_in_the_call() {
    let server = Server::start_with(|c| c.rtmp.enabled = false).await;
    let (mut a, _b, call) = talking(&server, MediaType::Audio).await;
    let error = a.ask(Request::Streams { call_id: call }).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::MediaUnavailable);
    assert!(error.message.contains("rtmp.enabled"));

    let server = Server::start().await;
    let (_a, _b, call) = talking(&server, MediaType::Audio).await;
    let app = server.app("other").await;
    let mut stranger = server.device(&app, "c").await;
    let error = stranger.ask(Request::Streams { call_id: call }).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::CallUnknown);
}
