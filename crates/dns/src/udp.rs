//! Datagrams in, datagrams out.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use tokio::net::UdpSocket;

use crate::counts::add;
use crate::forward::{ReplyTo, depart};
use crate::worker::{Verdict, Worker, answer};

/// Datagrams answered before other tasks of this worker get their turn.
const BATCH: usize = 64;
/// A question is short; what is longer is cut by the kernel and fails to parse.
const QUESTION_MAX: usize = 1_500;

/// Serves one socket for ever. Errors of single datagrams (a client gone away) are passed over.
pub(crate) async fn serve(socket: Rc<UdpSocket>, rc: Rc<RefCell<Worker>>) {
    let mut buffer = [0; QUESTION_MAX];
    loop {
        if socket.readable().await.is_err() {
            tokio::task::yield_now().await;
            continue;
        }
        batch(&socket, &rc, &mut buffer);
        tokio::task::yield_now().await;
    }
}

fn batch(socket: &Rc<UdpSocket>, rc: &Rc<RefCell<Worker>>, buffer: &mut [u8]) {
    let mut guard = rc.borrow_mut();
    let worker = &mut *guard;
    for _ in 0..BATCH {
        let (length, from) = match socket.try_recv_from(buffer) {
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // A port-unreachable for an earlier answer.
            Err(_) => continue,
        };
        if from.port() == 0 {
            add(&worker.tally.dropped);
            continue;
        }
        let now = worker.shared.clock.now();
        match answer(worker, &buffer[..length], from, true, now) {
            Verdict::Silent => {}
            Verdict::Reply => {
                if socket.try_send_to(&worker.out, from).is_err() {
                    add(&worker.tally.send_errors);
                }
            }
            Verdict::Forward(pending) => {
                let to = ReplyTo::Udp(Rc::clone(socket), from);
                depart(rc, worker, pending, to, now);
            }
        }
    }
}
