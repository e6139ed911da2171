//! Which engines take part.

use std::io;

use super::beside::Beside;
use super::choice::{self, Choice};
use super::{memory, plan};
use crate::cli::{Bed, CompareArgs, Engine, Workload};
use crate::error::bad_input;
use crate::sys::uring::Ring;

/// Why the bed can't have the engine.
fn missing(bed: Bed, engine: Engine, uring: Option<&io::Error>) -> Option<String> {
    if let (Engine::IoUring, Some(error)) = (engine, uring) {
        return Some(format!("this kernel has none for us ({error}): see `sysctl kernel.io_uring_disabled`"));
    }
    unfit(bed, engine).map(str::to_owned)
}

fn unfit(bed: Bed, engine: Engine) -> Option<&'static str> {
    let in_memory = memory::ENGINES.contains(&engine);
    match (bed, engine) {
        (Bed::Vhost, Engine::Corelane) if !cfg!(feature = "dpdk") => Some(choice::NO_DPDK),
        (Bed::Loopback, Engine::EpollTuned) => {
            Some("loopback has no interface that could be polled: take --bed veth")
        }
        (Bed::Veth | Bed::Tap | Bed::Vhost, Engine::Corelane) | (Bed::Loopback, _) => None,
        (Bed::Veth | Bed::Tap | Bed::Vhost, _) if in_memory => Some("it runs on --bed memory only"),
        (Bed::Memory, _) if !in_memory => Some("it runs on the kernel's network"),
        _ => None,
    }
}

/// Those of one bed.
pub struct Engines {
    list: Vec<Engine>,
    /// The user didn't choose: epoll-spin only where it is the fair peer of a spinning server.
    default: bool,
    /// In memory they are idle ones only.
    pub beside: Beside,
}

impl Engines {
    /// What `args` ask for, as far as the bed has it.
    pub fn new(
        args: &CompareArgs,
        bed: Bed,
        choice: &Choice,
        left_out: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let default = args.engines.is_empty();
        let mut list = args.engines.clone();
        if default {
            list = choice::engines(bed, args.quick, choice.full);
        }
        // Beside the bed of memory nothing of loopback is in memory.
        let both = bed == Bed::Loopback && choice.beds.contains(&Bed::Memory);
        list.retain(|engine| !(both && memory::ENGINES.contains(engine)));
        let uring = list.contains(&Engine::IoUring).then(|| Ring::new().err()).flatten();
        list.retain(|&engine| {
            let Some(reason) = missing(bed, engine, uring.as_ref()) else { return true };
            // An engine that is measured on another bed is not left out.
            let mut others = choice.beds.iter().filter(|other| **other != bed);
            if !others.any(|other| missing(*other, engine, uring.as_ref()).is_none()) {
                left_out.push(format!("{engine}: {reason}"));
            }
            false
        });
        if list.is_empty() {
            return Err(bad_input(format!(
                "--engines, --bed {bed}: nothing is left to measure ({}): choose other engines or \
                 another bed",
                left_out.join("; ")
            )));
        }
        let workloads = plan::workloads(args, bed, choice.full);
        Ok(Self { list, default, beside: Beside::of(args, bed, workloads, choice.named)? })
    }

    /// Those that have the workload, on so many connections.
    pub fn at(
        &self,
        bed: Bed,
        workload: Workload,
        connections: usize,
        left_out: &mut Vec<String>,
    ) -> Vec<Engine> {
        if workload == Workload::Json {
            return self.for_json(bed, left_out);
        }
        let mut list = self.list.clone();
        list.retain(|engine| !self.default || *engine != Engine::EpollSpin || connections == 1);
        list.retain(|engine| {
            let has =
                !matches!(engine, Engine::IoUring | Engine::Mio | Engine::BioPool) || !workload.is_bulk();
            if !has {
                left_out.push(format!("{engine}, {workload}: it has echo, http, http-close and crr only"));
            }
            has
        });
        if !matches!(bed, Bed::Loopback | Bed::Memory) {
            return list;
        }
        list.retain(|engine| {
            let in_memory = memory::ENGINES.contains(engine);
            let why = if !in_memory || (memory::WORKLOADS.contains(&workload) && self.beside.slow == 0) {
                return true;
            } else if self.beside.slow > 0 {
                "in memory nobody reads slowly"
            } else {
                "the in-memory bed has echo only"
            };
            left_out.push(format!("{engine}, {workload}: {why}"));
            false
        });
        list
    }

    /// Those that axum runs on.
    fn for_json(&self, bed: Bed, left_out: &mut Vec<String>) -> Vec<Engine> {
        let all = [Engine::Tokio, Engine::CorelaneKernel, Engine::Corelane];
        let in_memory = |engine: &Engine| bed == Bed::Loopback && memory::ENGINES.contains(engine);
        let fits = |engine: &Engine| missing(bed, *engine, None).is_none() && !in_memory(engine);
        let list: Vec<Engine> = if self.default { all.to_vec() } else { self.list.clone() };
        let (list, others): (Vec<_>, Vec<_>) =
            list.into_iter().partition(|engine| all.contains(engine) && fits(engine));
        let why = if bed == Bed::Memory {
            "the in-memory bed has echo only"
        } else {
            "axum doesn't run on it here"
        };
        left_out.extend(others.iter().map(|engine| format!("{engine}, json: {why}")));
        list
    }
}
