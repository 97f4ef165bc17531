//! The task around the switchboard: sockets' queues and their bounds.

use super::*;
use crate::clock::Clock;
use crate::records::queue::Recorder;
use crate::records::store_health::StoreHealth;
use crate::signalling::notice_queue;
use crate::signalling::shell::{self, Inbox, LINK_QUEUE, Shell, ToSocket};
use tokio::sync::mpsc;

/// A shell that runs, and carries media nowhere.
fn start() -> Inbox {
    let (inbox, mail) = shell::inbox();
    let (_, notices) = notice_queue::channel();
    let (records, _) = mpsc::channel(1);
    let clock = Clock::start();
    let recorder = Recorder::new(records, StoreHealth::new(clock));
    let shell = Shell::new(switchboard(without_rates, counting()), clock, |_| (), recorder);
    tokio::spawn(shell.run(mail, notices));
    inbox
}

/// A socket that nobody reads, signed in as a user.
async fn sign_in(inbox: &Inbox, link: Link, name: &str) -> (DeviceId, mpsc::Receiver<ToSocket>) {
    let (sender, frames) = mpsc::channel(LINK_QUEUE);
    let device = inbox.sign_in(In::Login(login(link, user(name), false, false)), link, sender).await;
    (device.expect("the login is good"), frames)
}

/// Asks so often that as many answers wait for a socket, and waits until they do.
async fn flood(inbox: &Inbox, device: DeviceId, link: Link, answers: usize) {
    for id in 2..2 + answers as u32 {
        let message = ClientMessage { id, request: Request::Ping { ack: 0 } };
        inbox.send(In::Request { device, link, message }).await.unwrap();
    }
    // Whoever signs in next is answered after everything before.
    sign_in(inbox, Link(1000 + link.0), "fence").await;
}

fn ticket(frames: &mut mpsc::Receiver<ToSocket>) -> ResumeTicket {
    let Ok(ToSocket::Frame(welcome)) = frames.try_recv() else { panic!("there is no welcome") };
    let welcome: Value = serde_json::from_str(&welcome).unwrap();
    welcome["ok"]["ticket"].as_str().unwrap().into()
}

#[tokio::test]
async fn a_socket_whose_queue_is_full_is_cut_and_its_session_goes_on() {
    let inbox = start();
    let (a, b) = (Link(1), Link(2));
    let (device, mut frames) = sign_in(&inbox, a, "a").await;
    let (beside, mut others) = sign_in(&inbox, b, "b").await;
    // The welcome has one place.
    flood(&inbox, device, a, LINK_QUEUE).await;
    flood(&inbox, beside, b, LINK_QUEUE - 1).await;
    let ticket = ticket(&mut frames);
    for queue in [&mut frames, &mut others] {
        while queue.try_recv().is_ok() {}
    }
    assert_eq!(frames.try_recv().err(), Some(mpsc::error::TryRecvError::Disconnected), "it was one too many");
    assert_eq!(others.try_recv().err(), Some(mpsc::error::TryRecvError::Empty), "this was just enough");
    let (link, host) = (Link(3), "localhost".into());
    let resume = Resume { link, host, ticket, last_seq: 0, re: 1, ip_permit: None };
    let (sender, _frames) = mpsc::channel(LINK_QUEUE);
    assert_eq!(inbox.sign_in(In::Resume(resume), link, sender).await, Some(device));
}

#[tokio::test]
async fn nothing_is_kept_of_a_socket_that_is_gone() {
    let inbox = start();
    let link = Link(1);
    let (device, mut frames) = sign_in(&inbox, link, "a").await;
    ticket(&mut frames);
    assert_eq!(frames.try_recv().err(), Some(mpsc::error::TryRecvError::Empty));
    inbox.send(In::Cut { device, link }).await.unwrap();
    sign_in(&inbox, Link(2), "fence").await;
    assert_eq!(frames.try_recv().err(), Some(mpsc::error::TryRecvError::Disconnected));
}

#[tokio::test]
async fn the_way_to_a_socket_ends_with_its_refusal() {
    let inbox = start();
    let (link, host) = (Link(1), "localhost".into());
    let resume = Resume { link, host, ticket: "unknown".into(), last_seq: 0, re: 1, ip_permit: None };
    let (sender, mut frames) = mpsc::channel(LINK_QUEUE);
    assert_eq!(inbox.sign_in(In::Resume(resume), link, sender).await, None);
    assert!(matches!(frames.try_recv(), Ok(ToSocket::Frame(_))), "it hears why");
    assert_eq!(frames.try_recv().err(), Some(mpsc::error::TryRecvError::Disconnected));
}
