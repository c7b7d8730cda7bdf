//! Certificates exchanged under load: no handshake and no request fails, and each handshake shows a certificate that is in force.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lockgate_tests::{Authority, Certificate, Gateway, Handshake, Load, Request, TlsClient, Upstream, eventually};

const ROUNDS: usize = 50;
const KEPT: usize = 2;
const NEW: usize = 3;
const HOST: &str = "site.example";

fn connect(gateway: &Gateway, authority: &Authority) -> TlsClient {
    authority.connect(gateway.public(), HOST, &Handshake::new()).unwrap()
}

fn ask(client: &mut TlsClient) {
    client.send(&Request::get("/").field("host", HOST)).assert_status(200);
}

fn shown(client: &mut TlsClient) -> Vec<u8> {
    client.stream().conn.peer_certificates().unwrap()[0].to_vec()
}

/// How certificate and key reach the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    /// Each by renaming a finished file over the old one.
    Renamed,
    /// Each by writing over the old one.
    InPlace,
    /// The same, and the half of a certificate is seen by the gateway.
    InHalves,
}

fn write(gateway: &Gateway, next: &Certificate, how: Write) {
    let (certificate, key) = (gateway.policies().join("site.pem"), gateway.root().join("site.key"));
    match how {
        Write::Renamed => {
            let partial = gateway.root().join("site.key.partial");
            fs::write(&partial, &next.key).unwrap();
            fs::rename(&partial, &key).unwrap();
            gateway.write("site.pem", &next.certificate);
        }
        Write::InPlace | Write::InHalves => {
            fs::write(&key, &next.key).unwrap();
            let half = &next.certificate[..next.certificate.len() / 2];
            fs::write(&certificate, half).unwrap();
            if how == Write::InHalves {
                eventually("the half to be refused", || {
                    let refused = &gateway.status()["refused"];
                    (!refused.is_null() && !refused.to_string().contains("does not belong")).then_some(())
                });
            }
            fs::write(&certificate, &next.certificate).unwrap();
        }
    }
}

#[test]
fn certificates_are_exchanged_under_load_without_a_failure() {
    let (authority, upstream) = (Arc::new(Authority::new()), Upstream::answering(200, &[], "here"));
    let issued: Vec<_> = (0..=ROUNDS).map(|_| authority.issue(&[HOST])).collect();
    let numbers = issued.iter().enumerate().map(|(number, issued)| (issued.der(), number));
    let numbers: Arc<BTreeMap<_, _>> = Arc::new(numbers.collect());
    let gateway = Arc::new(crate::tls::showing(&[("site", &issued[0])], &upstream).start());
    // The newest that may be seen, and the oldest.
    let (newest, oldest) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());

    let kept = Load::start(KEPT, |_| {
        let mut client = connect(&gateway, &authority);
        move |pace| {
            while pace.goes_on() {
                ask(&mut client);
                pace.did();
            }
        }
    });
    let new = Load::start(NEW, |_| {
        let (gateway, authority, numbers) = (gateway.clone(), authority.clone(), numbers.clone());
        let (newest, oldest) = (newest.clone(), oldest.clone());
        move |pace| {
            while pace.goes_on() {
                let least = oldest.load(Ordering::SeqCst);
                let mut client = connect(&gateway, &authority);
                let most = newest.load(Ordering::SeqCst);
                let number = numbers[&shown(&mut client)];
                assert!((least..=most).contains(&number), "{number} was shown between {least} and {most}");
                ask(&mut client);
                pace.did();
            }
        }
    });

    for (round, next) in issued.iter().enumerate().skip(1) {
        newest.store(round, Ordering::SeqCst);
        let generation = gateway.status()["generation"].as_u64().unwrap();
        let how = [Write::Renamed, Write::InPlace, Write::Renamed, Write::InPlace, Write::InHalves][round % 5];
        write(&gateway, next, how);
        gateway.wait_for_generation(generation + 1);
        oldest.store(round, Ordering::SeqCst);
        new.wait_for_more(NEW);
    }
    let last = numbers[&shown(&mut connect(&gateway, &authority))];
    assert_eq!(last, ROUNDS);
    new.stop();
    kept.stop();
}
