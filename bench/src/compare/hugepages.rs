//! Huge pages for DPDK: borrowed from the kernel while the bed is there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::error::{bad_input, tell};

/// Where the kernel keeps the numbers of those of 2 MiB.
const FOLDER: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB";

/// MiB of one page.
const PAGE: u64 = 2;

/// Enough free pages. If more had to be asked for, the old number is back when this value goes away.
pub struct HugePages {
    folder: PathBuf,
    /// How many there were and how many there are now, when it was changed.
    changed: Option<(u64, u64)>,
}

impl HugePages {
    /// Sees to it that so many MiB are free.
    pub fn reserve(mebibytes: u64) -> anyhow::Result<Self> {
        Self::reserve_in(Path::new(FOLDER), mebibytes)
    }

    fn reserve_in(folder: &Path, mebibytes: u64) -> anyhow::Result<Self> {
        let needed = mebibytes.div_ceil(PAGE);
        let mut pages = Self { folder: folder.to_owned(), changed: None };
        let free = pages.read("free_hugepages")?;
        if free >= needed {
            return Ok(pages);
        }
        let before = pages.read("nr_hugepages")?;
        let wanted = before + (needed - free);
        pages.write(wanted)?;
        // The kernel takes the wish without an error, and does what it can.
        pages.changed = Some((before, pages.read("nr_hugepages")?));
        let free = pages.read("free_hugepages")?;
        if free < needed {
            return Err(bad_input(format!(
                "--bed vhost: {needed} free huge pages of 2 MiB are needed and the kernel found only {free}: end what \
                 fills the memory, then `echo {wanted} > {}/nr_hugepages`",
                folder.display()
            )));
        }
        Ok(pages)
    }

    fn read(&self, name: &str) -> anyhow::Result<u64> {
        let path = self.folder.join(name);
        let text = fs::read_to_string(&path).with_context(|| {
            format!("--bed vhost: reading {}: has the kernel huge pages?", path.display())
        })?;
        text.trim().parse().with_context(|| format!("{}: {text:?} is no number", path.display()))
    }

    fn write(&self, number: u64) -> anyhow::Result<()> {
        let path = self.folder.join("nr_hugepages");
        fs::write(&path, number.to_string()).with_context(|| {
            let path = path.display();
            format!("--bed vhost: asking for huge pages: do it before, with `echo {number} > {path}`")
        })
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        // Whoever has changed the number since then needs his pages, not ours.
        if let Some((before, now)) = self.changed
            && self.read("nr_hugepages").is_ok_and(|number| number == now)
            && let Err(error) = self.write(before)
        {
            tell(format_args!("{error:#}\n"));
        }
    }
}

#[cfg(test)]
mod tests;
