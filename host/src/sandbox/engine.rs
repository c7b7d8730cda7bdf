//! The wasmtime engine: what it is allowed to compile and run, and where instances get their memory.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use wasmtime::component::Component;

use super::limits::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_MEMORY, MAX_TABLE_ELEMENTS, MAX_TABLES};

/// Instances workers keep or use at once, over all policies, each counted by its [`slots`].
pub(crate) const MAX_INSTANCES: u32 = 2048;
/// Calls that wait at once, over all policies and workers: each has a stack of its own, and an instance counted
/// likewise.
pub(super) const MAX_FIBERS: u32 = 512;

/// All instances there can be: while one generation takes the place of another, workers have those of both; the slow
/// lane has one.
const SLOTS: u32 = 2 * MAX_INSTANCES + MAX_FIBERS + 1;
/// Tables for each memory.
const TABLES: u32 = 2;

/// How many instances of the usual kind, with one memory and a table or two, an instance of this component counts for.
pub(super) fn slots(component: &Component) -> u32 {
    let needed = component.resources_required();
    needed.map_or(MAX_MEMORIES as u32, |needed| needed.num_memories.max(needed.num_tables.div_ceil(TABLES)).max(1))
}

/// Stack of a call that waits: that of the guest, and of what the gateway does for it.
const FIBER_STACK: usize = MAX_WASM_STACK + 512 * 1024;

/// Stack of a guest; the SDK links policies with a shadow stack of 64 KiB, interpreters need more of this one.
const MAX_WASM_STACK: usize = 512 * 1024;

/// Where instances get their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allocation {
    /// A pool reserved beforehand: fast to instantiate, for the serving process.
    Pooled,
    /// On demand: for building, where few instances live shortly.
    OnDemand,
}

/// An engine, or why the host cannot have one.
pub(super) fn engine(allocation: Allocation) -> wasmtime::Result<Engine> {
    match allocation {
        Allocation::OnDemand => Engine::new(&config()),
        // The pool reserves terabytes of address space. Where a limit forbids that, instances
        // are made on demand: slower, otherwise the same.
        Allocation::Pooled => {
            let mut pooled = config();
            pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
            Engine::new(&pooled).or_else(|error| {
                tracing::warn!(%error, "no address space for the instance pool; instances are made on demand");
                Engine::new(&config())
            })
        }
    }
}

/// Settings that decide what code looks like must not depend on the allocation: code compiled by the
/// building process is loaded by the serving one.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(MAX_WASM_STACK)
        .async_stack_size(FIBER_STACK)
        // What one guest left on its stack is nobody's to find.
        .async_stack_zeroing(true)
        // Registering unwind tables is quadratic in the number of loaded modules, which hot swapping would feel.
        .native_unwind_info(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(8))
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .memory_init_cow(true);
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_stacks(MAX_FIBERS)
        .async_stack_keep_resident(64 * 1024)
        .total_component_instances(SLOTS)
        .total_core_instances(SLOTS * MAX_CORE_INSTANCES as u32)
        .total_memories(SLOTS)
        .total_tables(SLOTS * TABLES)
        .max_core_instances_per_component(MAX_CORE_INSTANCES as u32)
        .max_memories_per_component(MAX_MEMORIES as u32)
        .max_tables_per_component(MAX_TABLES as u32)
        .max_memory_size(MAX_MEMORY)
        .table_elements(MAX_TABLE_ELEMENTS)
        .linear_memory_keep_resident(256 * 1024)
        .table_keep_resident(8 * 1024)
        // A dirty page that was swapped out escapes the scan (wasmtime#14357).
        .pagemap_scan(Enabled::No);
    pool
}
