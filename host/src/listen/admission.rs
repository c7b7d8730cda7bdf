//! How many connections a listener may have: in all, and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections of one listener, over all workers.
#[derive(Default)]
pub(super) struct Admission {
    open: AtomicU32,
    /// Holds addresses that have connections and no others, so it is no larger than there may be connections. A lock is
    /// enough: it is taken twice in the life of a connection, for as long as it takes to count, and by no request.
    by_address: Mutex<HashMap<IpAddr, u32>>,
}

/// The place of one connection; free again when this is dropped.
pub(super) struct Seat {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    /// A place, if there is one among `most`.
    pub(super) fn seat(self: &Arc<Self>, most: u32) -> Option<Seat> {
        let before = self.open.fetch_add(1, Relaxed);
        let seat = Seat { admission: self.clone(), address: None };
        (before < most).then_some(seat)
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Count the connection as one of `address`; false where that has `most` already.
    #[must_use]
    pub(super) fn claim(&mut self, address: IpAddr, most: u32) -> bool {
        let address = counted(address);
        let mut by_address = self.admission.by_address();
        let open = by_address.entry(address).or_default();
        if *open >= most {
            return false;
        }
        *open += 1;
        drop(by_address);
        self.address = Some(address);
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Relaxed);
        let Some(address) = self.address else { return };
        let mut by_address = self.admission.by_address();
        if let Some(open) = by_address.get_mut(&address) {
            *open -= 1;
            if *open == 0 {
                by_address.remove(&address);
            }
        }
    }
}

/// What counts as one address: in IPv6 the network of 64 bits that one subscriber has.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn there_are_as_many_seats_as_may_be() {
        let admission = Arc::<Admission>::default();
        let seats = (admission.seat(2), admission.seat(2));
        assert!(seats.0.is_some() && seats.1.is_some());
        assert!(admission.seat(2).is_none() && admission.seat(2).is_none());
        let more = admission.seat(3);
        assert!(more.is_some(), "there may be more by now");
        drop((seats.0, more));
        assert!(admission.seat(2).is_some());
    }

    #[test]
    fn an_address_has_its_share_and_no_trace_is_left_of_it() {
        let admission = Arc::<Admission>::default();
        let claim = |address: &str| {
            let mut seat = admission.seat(10).unwrap();
            seat.claim(ip(address), 2).then_some(seat)
        };
        let of_v4 = [claim("192.0.2.1"), claim("::ffff:192.0.2.1")];
        assert!(of_v4.iter().all(Option::is_some));
        assert!(claim("192.0.2.1").is_none());
        let of_v6 = [claim("2001:db8::1"), claim("2001:db8::ffff:1")];
        assert!(of_v6.iter().all(Option::is_some));
        assert!(claim("2001:db8::2:0:0:3").is_none(), "the same 64 bits");
        assert!(claim("2001:db8:0:1::1").is_some());
        drop(of_v4);
        assert!(claim("192.0.2.1").is_some());
        drop(of_v6);
        assert!(admission.by_address().is_empty());
        assert_eq!(admission.open.load(Relaxed), 0);
    }
}
