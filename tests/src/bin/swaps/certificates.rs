//! The certificates of the gateway, each with a number.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use lockgate_tests::{Authority, Certificate, Folder, Handshake, TlsClient};

pub(crate) const HOST: &str = "site.example";

/// Those that were issued, and who issues them.
#[derive(Default)]
pub(crate) struct Certificates {
    authority: Authority,
    issued: Mutex<BTreeMap<u64, Certificate>>,
}

impl Certificates {
    /// The certificate of a number.
    pub(crate) fn of(&self, number: u64) -> Certificate {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.entry(number).or_insert_with(|| self.authority.issue(&[HOST])).clone()
    }

    /// Put the key where secrets are looked for, before a certificate is named that needs it.
    pub(crate) fn put_key(&self, folder: &Folder, number: u64) -> io::Result<()> {
        fs::write(folder.root().join(format!("site-{number}.key")), self.of(number).key)
    }

    /// Connect, and tell the number of the certificate that is shown.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<(TlsClient, Option<u64>)> {
        let mut client = self.authority.connect(address, HOST, &Handshake::new())?;
        let shown = client.stream().conn.peer_certificates().and_then(|chain| Some(chain.first()?.to_vec()));
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        // The newest come last.
        let number = issued.iter().rev().find(|(_, issued)| Some(issued.der()) == shown).map(|(number, _)| *number);
        Ok((client, number))
    }
}
