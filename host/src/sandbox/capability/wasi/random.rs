//! Random bytes, as `random` of the contract gives them.

use wasmtime::component::Linker;

use super::{HostState, Interface};

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    for (interface, infix) in [("random/random", "random"), ("random/insecure", "insecure-random")] {
        let mut interface = Interface::new(linker, interface)?;
        interface.function(&format!("get-{infix}-bytes"), |state, (count,): (u64,)| {
            state.draw();
            Ok((state.random_bytes(count)?,))
        })?;
        interface.function(&format!("get-{infix}-u64"), |state, (): ()| Ok((number(state)?,)))?;
    }
    let mut seed = Interface::new(linker, "random/insecure-seed")?;
    seed.function("insecure-seed", |state, (): ()| Ok(((number(state)?, number(state)?),)))
}

fn number(state: &mut HostState) -> wasmtime::Result<u64> {
    state.draw();
    let mut bytes = [0; 8];
    state.powers.world.fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
