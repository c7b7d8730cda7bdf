//! Orders of one caller: numbered for that caller alone, so that nobody can name another's.

use crate::answer::Stop;
use crate::config::Config;
use crate::input::Members;
use crate::shelf::counter;
use crate::tag::hex;
use lockgate_sdk::crypto::{self, HashAlgorithm};
use lockgate_sdk::{Failure, store};
use serde::{Deserialize, Serialize};

/// An order as it is stored and shown.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    #[serde(flatten)]
    draft: OrderDraft,
    owner: String,
}

/// What a client says about an order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderDraft {
    pub(crate) pet_id: u64,
    quantity: u64,
}

impl OrderDraft {
    /// Read a new order; `members` keeps what is wrong with it.
    pub(crate) fn read(members: &mut Members) -> Option<Self> {
        let pet_id = members.require("petId", "must be the id of a pet", |value| value.as_u64());
        let quantity = members.require("quantity", "must be an integer from 1 to 100", |value| {
            value.as_u64().filter(|count| (1..=100).contains(count))
        });
        Some(Self { pet_id: pet_id?, quantity: quantity? })
    }
}

/// All orders of one caller.
pub(crate) struct Orders<'a> {
    store: &'a str,
    most: u64,
    owner: &'a str,
    /// Stands for the owner in keys, whose length is bounded and which should hold no names of people.
    digest: String,
}

impl<'a> Orders<'a> {
    /// The orders of `owner` in the configured store.
    pub(crate) fn new(config: &'a Config, owner: &'a str) -> Self {
        Self {
            store: config.store(),
            most: config.max_orders(),
            owner,
            digest: hex(&crypto::hash(HashAlgorithm::Sha256, owner.as_bytes())),
        }
    }

    /// One of them.
    pub(crate) fn find(&self, id: u64) -> Result<Option<Order>, Stop> {
        let Some(stored) = store::get(self.store, &self.key(id))? else {
            return Ok(None);
        };
        let order = serde_json::from_slice(&stored).map_err(|_| Failure::Internal)?;
        Ok(Some(order))
    }

    /// All that are kept, newest first.
    pub(crate) fn newest(&self) -> Result<Vec<Order>, Stop> {
        let last = counter(self.store, &self.counter_key())?;
        let oldest = last.saturating_sub(self.most);
        let mut orders = Vec::new();
        for id in (oldest + 1..=last).rev() {
            orders.extend(self.find(id)?);
        }
        Ok(orders)
    }

    /// Add one; the oldest goes where there are too many.
    pub(crate) fn create(&self, draft: OrderDraft) -> Result<Order, Stop> {
        let id = store::add(self.store, &self.counter_key(), 1, None)?;
        let id = u64::try_from(id).map_err(|_| Failure::Internal)?;
        let order = Order { id, draft, owner: self.owner.to_owned() };
        let bytes = serde_json::to_vec(&order).map_err(|_| Failure::Internal)?;
        store::set(self.store, &self.key(id), &bytes, None)?;
        if let Some(oldest) = id.checked_sub(self.most).filter(|id| *id > 0) {
            store::delete(self.store, &self.key(oldest))?;
        }
        Ok(order)
    }

    fn counter_key(&self) -> String {
        format!("orders:{}", self.digest)
    }

    fn key(&self, id: u64) -> String {
        format!("order:{}:{id}", self.digest)
    }
}
