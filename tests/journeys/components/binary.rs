//! Changes to modules and components, byte by byte, that no compiler would make.

const TYPE: u8 = 1;
const FUNCTION: u8 = 3;
const MEMORY: u8 = 5;
const EXPORT: u8 = 7;
const START: u8 = 8;
const CODE: u8 = 10;

const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// What a component can hold and instantiate.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Module,
    Component,
}

impl Part {
    /// The sections it is defined and instantiated in.
    fn sections(self) -> (u8, u8) {
        match self {
            Self::Module => (1, 2),
            Self::Component => (4, 5),
        }
    }
}

/// The component, which besides has a part that imports nothing and is instantiated so many times.
pub(super) fn graft(component: &[u8], part: Part, bytes: &[u8], times: usize) -> Vec<u8> {
    let (defined, instantiated) = part.sections();
    let index = sections(component).iter().filter(|(id, _)| *id == defined).count();
    let instance = [vec![0], leb(u32::try_from(index).unwrap()), vec![0]].concat();
    [component, &section(defined, bytes), &section(instantiated, &list(&vec![instance; times]))].concat()
}

/// Components in components, so deep, each of which has the inner one so many times: a few bytes that stand for a power
/// of instances.
pub(super) fn nested(depth: usize, width: usize) -> Vec<u8> {
    let innermost = graft(COMPONENT, Part::Module, MODULE, width);
    (1..depth).fold(innermost, |inner, _| graft(COMPONENT, Part::Component, &inner, width))
}

/// A module with one function: so many times so many blocks, each of which may be left for any other.
pub(super) fn with_branches(times: u32, blocks: u32) -> Vec<u8> {
    const BLOCK: &[u8] = &[0x02, 0x40];
    const CHOOSE: &[u8] = &[0x41, 0, 0x0e];
    const END: &[u8] = &[0x0b];
    let targets: Vec<u8> = (0..blocks).flat_map(leb).collect();
    let blocks_in = BLOCK.repeat(blocks as usize);
    let once = [&blocks_in, CHOOSE, &leb(blocks), &targets, &[0], &END.repeat(blocks as usize)].concat();
    with_body(&[&[0], &*once.repeat(times as usize), END].concat())
}

fn with_body(body: &[u8]) -> Vec<u8> {
    let body = [&leb(u32::try_from(body.len()).unwrap()), body].concat();
    let functions = section(FUNCTION, &list(&[vec![0]]));
    [MODULE, &section(TYPE, &list(&[vec![0x60, 0, 0]])), &functions, &section(CODE, &list(&[body]))].concat()
}

/// Make an exported function the start function.
pub(super) fn with_start(module: &[u8], name: &str) -> Vec<u8> {
    let index = exported_function(module, name);
    let mut sections = sections(module);
    let after = sections.iter().position(|(id, _)| *id == EXPORT).expect("exports") + 1;
    sections.insert(after, (START, leb(index)));
    assemble(&sections)
}

/// Let the memory begin with so many pages of 64 KiB.
pub(super) fn with_memory(module: &[u8], pages: u32) -> Vec<u8> {
    let mut sections = sections(module);
    let memory = sections.iter_mut().find(|(id, _)| *id == MEMORY).expect("a memory");
    // One memory, without a maximum.
    memory.1 = [vec![1, 0], leb(pages)].concat();
    assemble(&sections)
}

fn exported_function(module: &[u8], name: &str) -> u32 {
    let sections = sections(module);
    let (_, mut exports) = sections.into_iter().find(|(id, _)| *id == EXPORT).expect("exports");
    let count = take_leb(&mut exports);
    for _ in 0..count {
        let length = take_leb(&mut exports) as usize;
        let found = exports.drain(..length).collect::<Vec<_>>() == name.as_bytes();
        let kind = exports.remove(0);
        let index = take_leb(&mut exports);
        if found && kind == 0 {
            return index;
        }
    }
    panic!("no function {name} is exported");
}

fn sections(module: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut rest = module[8..].to_vec();
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let id = rest.remove(0);
        let length = take_leb(&mut rest) as usize;
        let tail = rest.split_off(length);
        sections.push((id, std::mem::replace(&mut rest, tail)));
    }
    sections
}

fn assemble(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let sections: Vec<u8> = sections.iter().flat_map(|(id, content)| section(*id, content)).collect();
    [MODULE, &sections].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &*leb(u32::try_from(content.len()).unwrap()), content].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [leb(u32::try_from(items.len()).unwrap()), items.concat()].concat()
}

/// An unsigned number in the variable-length form of WebAssembly.
fn leb(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn take_leb(bytes: &mut Vec<u8>) -> u32 {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).expect("a number") + 1;
    bytes.drain(..length).rev().fold(0, |value, byte| (value << 7) | u32::from(byte & 0x7f))
}
