//! MIKEY key requests (RFC 6267 section 4.2.1), over `POST /mikey` and over TCP.
//!
//! MIKEY has no framing of its own and RFC 6267 names no transport. Over TCP one connection is one request: the client sends a
//! message and ends its direction, the server answers and closes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper::StatusCode;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::super::auth::Requester;
use super::super::service::{Request, Transit};
use super::body::{Problem, Response, answer, check_accept, check_type, read};
use super::keys::Posted;
use super::listen::{Counted, Sources, Stop};
use super::log::{self, Note, noted};
use super::state::{Http, source};
use super::{MIKEY_TYPE, now};
use crate::error::Error;
use crate::ibe::extract::PrivateKey;
use crate::ibe::{Identity, PublicParameters};
use crate::kdf::hash;
use crate::mikey::Id;
use crate::mikey::request::{self, Authority, Handled, NotIssued, Replay};
use crate::secret::SecretVec;

/// What MIKEY's service asks, answered by ours. Lives for one message, on a thread that may wait.
struct Ours<'a> {
    http: &'a Http,
    parameters: PublicParameters,
    message: [u8; 32],
    now: u64,
    runtime: Handle,
    found: std::sync::Mutex<Found>,
}

/// What has been found out about a request.
#[derive(Default)]
struct Found {
    owner: Option<String>,
    /// What other than the request is the reason for an answer without keys.
    problem: Option<Problem>,
    places: Vec<u64>,
}

impl Ours<'_> {
    fn found<T>(&self, with: impl FnOnce(&mut Found) -> T) -> T {
        match self.found.lock() {
            Ok(mut found) => with(&mut found),
            Err(poisoned) => with(&mut poisoned.into_inner()),
        }
    }

    /// A failure that is not the requester's.
    fn trouble(&self, e: &super::super::error::Error) {
        let problem = super::keys::problem(e);
        self.found(|f| f.problem = Some(problem));
    }
}

impl Authority for &Ours<'_> {
    fn parameters(&self) -> &PublicParameters {
        &self.parameters
    }

    fn psk(&self, name: &Id<'_>) -> Option<SecretVec> {
        match self.runtime.block_on(self.http.psk.psk(name.kind.0, name.data)) {
            Ok(Some((owner, psk))) => {
                self.found(|f| f.owner = Some(owner));
                Some(psk)
            }
            Ok(None) => None,
            Err(e) => {
                self.trouble(&e);
                None
            }
        }
    }

    /// Policy speaks where all keys are issued together.
    fn allows(&self, _: &Id<'_>, _: &Identity) -> bool {
        true
    }

    fn issue(&self, _: &Identity) -> Result<PrivateKey, Error> {
        Err(Error::Decrypt) // never asked: issue_all is
    }

    fn issue_all(
        &self,
        _: &Id<'_>,
        identities: &[Identity],
        transit: request::Transit,
    ) -> Result<Vec<PrivateKey>, NotIssued> {
        if transit == request::Transit::CredentialOnly && !self.http.config.plain {
            return Err(NotIssued::Denied);
        }
        let owner = self.found(|f| f.owner.clone()).ok_or(NotIssued::Denied)?;
        if let Err(e) = self.http.pace_of_user(&owner, identities.len()) {
            self.trouble(&e);
            return Err(NotIssued::Failed(Error::Random));
        }
        let requester = Requester::psk(&owner, self.message);
        // MIKEY seals them itself, each to the request as a whole.
        let wanted = Request { identities: identities.to_vec(), transit: Transit::Plain };
        let issued = match self.runtime.block_on(self.http.service.issue(&requester, &wanted, self.now)) {
            Ok(issued) => issued,
            Err(super::super::error::Error::Refused { .. }) => return Err(NotIssued::Denied),
            Err(e) => {
                self.trouble(&e);
                return Err(NotIssued::Failed(Error::Random));
            }
        };
        self.http.metrics.keys(issued.len() as u64, transit == request::Transit::Sealed);
        self.found(|f| f.places = issued.iter().map(|i| i.link.place).collect());
        issued
            .iter()
            .map(|one| PrivateKey::from_bytes(one.key.expose(), &self.parameters).map_err(NotIssued::Failed))
            .collect()
    }
}

/// What comes of a message.
struct Handling {
    answer: Option<Vec<u8>>,
    note: Note,
    problem: Option<Problem>,
}

/// Answers a message on a thread of its own.
async fn handle(http: &Http, bytes: Vec<u8>, now: u64) -> Result<Handling, Problem> {
    let permit = http.mikey.acquire().await.map_err(|_| Problem::busy(1))?;
    let parameters = http.service.keys().current().await.map_err(|e| super::keys::problem(&e))?;
    let (own, runtime) = (http.clone(), Handle::current());
    let work = move || {
        let message = hash(&[&bytes]);
        let ours = Ours { http: &own, parameters, message, now, runtime, found: std::sync::Mutex::default() };
        // What has been seen before is found in the store, where all nodes look, in the transaction that issues.
        let rng = &mut getrandom::SysRng;
        let handled = request::Service::new(&ours, Replay::new(1), rng).map(|mut s| s.handle(&bytes, now, rng));
        let (owner, places, problem) =
            ours.found(|f| (f.owner.take(), std::mem::take(&mut f.places), f.problem.take()));
        let user = owner.map(|o| own.pseudonym("log user", o.as_bytes())).unwrap_or_default();
        let note = Note { user, ..Note::default() };
        match handled {
            Ok(Handled::Issued { answer, identities, transit }) => {
                let sealed = transit == request::Transit::Sealed;
                let note = Note { keys: identities.len() as u64, places, sealed, code: "issued", ..note };
                Handling { answer: Some(answer), note, problem: None }
            }
            Ok(Handled::Refused { answer, .. }) => {
                Handling { answer: Some(answer), note: Note { code: "refused", ..note }, problem }
            }
            _ => Handling { answer: None, note: Note { code: "dropped", ..note }, problem },
        }
    };
    let done = tokio::task::spawn_blocking(work).await;
    drop(permit);
    done.map_err(|_| Problem::busy(1))
}

/// Over HTTP, as 3GPP carries MIKEY to a key management service: message in, message out.
pub(super) async fn post(http: &Http, head: Posted<'_>, body: Incoming, now: u64) -> Result<Response, Problem> {
    check_type(head.headers, MIKEY_TYPE)?;
    check_accept(head.headers, MIKEY_TYPE)?;
    let bytes = read(body, http.config.limits.mikey_bytes, http.config.limits.body).await?;
    let handling = handle(http, bytes.to_vec(), now).await?;
    if let Some(problem) = handling.problem {
        return Err(problem);
    }
    match handling.answer {
        Some(message) => Ok(noted(answer(StatusCode::OK, MIKEY_TYPE, message), handling.note)),
        // MIKEY drops it; HTTP has to say something.
        None => Err(Problem::new(StatusCode::BAD_REQUEST, "dropped", "not a key request that can be answered")),
    }
}

/// Serves MIKEY over TCP (port 2269 is registered for it) until the stop.
pub async fn listen(http: Http, listener: TcpListener, mut stop: Stop) {
    let connections = http.config.limits.mikey_connections;
    let permits = Arc::new(Semaphore::new(connections));
    // What one source can take leaves as much to all others.
    let (sources, of_source) = (Sources::default(), connections.div_ceil(2));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.wait() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                // The process is out of something; asking again at once would only burn time.
                tracing::warn!(target: "ibake::listen", error = %e, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(counted) = Counted::take(&sources, source(peer.ip()), of_source) else { continue };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
        // MIKEY has no words for this.
        if http.pace_of_source(peer.ip()).is_err() {
            continue;
        }
        let http = http.clone();
        tokio::spawn(async move {
            let (_permit, _counted) = (permit, counted);
            one(&http, stream, peer).await;
        });
    }
    // Those in flight.
    let _ = tokio::time::timeout(
        http.config.limits.stop,
        permits.acquire_many(u32::try_from(connections).unwrap_or(u32::MAX)),
    )
    .await;
}

async fn one(http: &Http, mut stream: TcpStream, peer: SocketAddr) {
    let begun = Instant::now();
    let (longest, mut bytes) = (http.config.limits.mikey_bytes, Vec::new());
    let mut limited = (&mut stream).take(longest as u64 + 1);
    match tokio::time::timeout(http.config.limits.body, limited.read_to_end(&mut bytes)).await {
        Ok(Ok(n)) if (1..=longest).contains(&n) => {}
        _ => return,
    }
    let Ok(handling) = handle(http, bytes, now()).await else { return };
    let good = handling.answer.is_some() && handling.problem.is_none();
    let response = answer(if good { StatusCode::OK } else { StatusCode::BAD_REQUEST }, MIKEY_TYPE, "");
    let code = handling.note.code;
    let response = noted(response, handling.note);
    let from = http.pseudonym("log source", &source(peer.ip()));
    http.metrics.request("tcp:mikey", response.status().as_u16(), code, begun.elapsed());
    log::write("tcp:mikey", "MIKEY", &from, &response, begun.elapsed());
    if let Some(message) = handling.answer.filter(|_| handling.problem.is_none()) {
        let writing = async {
            stream.write_all(&message).await?;
            stream.shutdown().await
        };
        let _ = tokio::time::timeout(http.config.limits.body, writing).await;
    }
}
