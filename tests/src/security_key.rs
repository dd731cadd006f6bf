//! A security key (FIDO) without its hardware, behind an agent of our own. What
//! it signs is what a real one signs, and a real sshd checks it (OpenSSH's
//! PROTOCOL.u2f, and draft-ietf-sshm-ssh-agent for the agent).

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;

use russh::keys::signature::Signer;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};
use sha2::{Digest, Sha256};

const KIND: &str = "sk-ssh-ed25519@openssh.com";
const APPLICATION: &str = "ssh:";

/// Somebody touched it.
const PRESENT: u8 = 1;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGNATURE: u8 = 14;
const FAILURE: u8 = 5;

/// A key, and the agent that has it; the agent lives as long as the process.
#[derive(Debug)]
pub struct SecurityKey {
    line: String,
}

impl SecurityKey {
    /// A new one whose agent listens at `socket`.
    pub fn start(socket: &Path) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("random bytes");
        let pair = Ed25519Keypair::from_seed(&seed);
        let mut blob = Vec::new();
        for part in [KIND.as_bytes(), &pair.public.0, APPLICATION.as_bytes()] {
            string(&mut blob, part);
        }
        let public = PublicKey::from_bytes(&blob).expect("a public key");
        let line = public.to_openssh().expect("its line");
        let key = Arc::new((PrivateKey::from(pair), blob));
        let listener = UnixListener::bind(socket).expect("the agent's socket");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let key = Arc::clone(&key);
                std::thread::spawn(move || serve(stream, &key.0, &key.1));
            }
        });
        Self { line }
    }

    /// Its line of an `authorized_keys` file.
    pub fn public_line(&self) -> &str {
        &self.line
    }
}

/// Answers until the client goes.
fn serve(mut stream: UnixStream, key: &PrivateKey, blob: &[u8]) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        if stream.read_exact(&mut request).is_err() {
            return;
        }
        let mut framed = Vec::new();
        string(&mut framed, &answer(&request, key, blob));
        if stream.write_all(&framed).is_err() {
            return;
        }
    }
}

fn answer(request: &[u8], key: &PrivateKey, blob: &[u8]) -> Vec<u8> {
    match request.split_first() {
        Some((&REQUEST_IDENTITIES, _)) => {
            let mut answer = vec![IDENTITIES];
            answer.extend(1_u32.to_be_bytes());
            string(&mut answer, blob);
            string(&mut answer, b"a security key");
            answer
        }
        Some((&SIGN_REQUEST, rest)) => {
            let (asked, rest) = take(rest);
            assert_eq!(asked, blob, "it is asked for the key that it has");
            let mut answer = vec![SIGNATURE];
            string(&mut answer, &sign(take(rest).0, key));
            answer
        }
        _ => vec![FAILURE],
    }
}

fn sign(data: &[u8], key: &PrivateKey) -> Vec<u8> {
    let counter = 7_u32.to_be_bytes();
    let mut signed = Sha256::digest(APPLICATION.as_bytes()).to_vec();
    signed.push(PRESENT);
    signed.extend(counter);
    signed.extend(Sha256::digest(data));
    let raw = key.try_sign(&signed).expect("a signature");
    let mut signature = Vec::new();
    string(&mut signature, KIND.as_bytes());
    string(&mut signature, raw.as_bytes());
    signature.push(PRESENT);
    signature.extend(counter);
    signature
}

fn string(into: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("a short string");
    into.extend(length.to_be_bytes());
    into.extend(part);
}

fn take(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk::<4>().expect("a string");
    rest.split_at(u32::from_be_bytes(*length) as usize)
}
