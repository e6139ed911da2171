//! What the JSON API of the workload `json` says: known to the server and to the client, which checks it byte for byte.

use serde::Serialize;

/// The number of the first item; that of the last has as many digits, so that all answers have one length.
const FIRST: u32 = 1000;

/// How many there are.
const ITEMS: u32 = 1000;

/// One thing of the catalogue.
#[derive(Serialize, Debug, Clone)]
pub struct Item {
    id: u32,
    name: String,
    price_in_cents: u32,
    in_stock: bool,
    tags: [&'static str; 2],
}

impl Item {
    /// The item that connection `index` asks for.
    pub fn of(index: usize) -> Self {
        let offset = u32::try_from(index % ITEMS as usize).unwrap_or(0); // below ITEMS
        Self::numbered(FIRST + offset)
    }

    fn numbered(id: u32) -> Self {
        Self {
            id,
            name: format!("item {id}"),
            price_in_cents: 2 * id,
            in_stock: true,
            tags: ["benchmark", "json"],
        }
    }

    /// Where it is found.
    pub fn path(&self) -> String {
        format!("/items/{}", self.id)
    }

    /// The body of its answer.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default() // numbers and strings: nothing that JSON lacks
    }
}

/// All items, by number.
#[cfg(feature = "axum")]
pub fn catalogue() -> std::collections::BTreeMap<u32, Item> {
    (FIRST..FIRST + ITEMS).map(|id| (id, Item::numbered(id))).collect()
}

#[cfg(test)]
mod tests;
