//! The program that holds a sandbox's namespaces open, and the image around it.
//!
//! A registry may be out of reach, so the image is made here: one static program of a few instructions that ignores
//! SIGCHLD (the kernel then reaps every orphan of a shared PID namespace) and sleeps for ever.

use crate::oci::{self, File, ImageConfig};
use crate::{Result, RuntimeError};

/// The name under which the image is imported and which containerd's configuration points at.
pub const PAUSE_IMAGE: &str = "kubernel.local/pause:1";

/// An OCI archive with the image [`PAUSE_IMAGE`], ready for `ctr images import`.
pub(crate) fn archive() -> Result<Vec<u8>> {
    let program = program().ok_or_else(|| {
        RuntimeError::Start(format!("no pause program for the {} architecture", std::env::consts::ARCH))
    })?;
    let files = [File { path: "pause".into(), mode: 0o755, data: program }];
    let config = ImageConfig { entrypoint: vec!["/pause".into()], ..ImageConfig::default() };
    Ok(oci::archive(PAUSE_IMAGE, &files, &config))
}

/// x86-64 machine code of: `rt_sigaction(SIGCHLD, {SIG_IGN}, 0, 8); for (;;) pause();`
const CODE_X86_64: [u8; 40] = [
    0xbf, 0x11, 0, 0, 0, // mov edi, 17 (SIGCHLD)
    0x48, 0x8d, 0x35, 28, 0, 0, 0, // lea rsi, [rip + 28]: the struct behind the code
    0x31, 0xd2, // xor edx, edx
    0x41, 0xba, 8, 0, 0, 0, // mov r10d, 8
    0xb8, 13, 0, 0, 0, // mov eax, 13 (rt_sigaction)
    0x0f, 0x05, // syscall
    0xb8, 34, 0, 0, 0, // mov eax, 34 (pause)
    0x0f, 0x05, // syscall
    0xeb, 0xf7, // jmp back to the pause
    0x90, 0x90, 0x90, 0x90, // fill up to 8 bytes
];

/// `struct sigaction` with the handler SIG_IGN and everything else zero.
const SIGACTION_IGNORE: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
};

fn program() -> Option<Vec<u8>> {
    (std::env::consts::ARCH == "x86_64").then(|| elf64(62, &[&CODE_X86_64[..], &SIGACTION_IGNORE[..]].concat()))
}

/// The smallest static ELF executable around a piece of code: one header, one loadable segment.
fn elf64(machine: u16, code: &[u8]) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let size = HEADERS + code.len() as u64;
    let mut out = Vec::with_capacity(HEADERS as usize + code.len());
    out.extend_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&2u16.to_le_bytes()); // executable
    out.extend_from_slice(&machine.to_le_bytes());
    out.extend_from_slice(&1u32.to_le_bytes());
    out.extend_from_slice(&(BASE + HEADERS).to_le_bytes()); // entry point
    out.extend_from_slice(&64u64.to_le_bytes()); // program headers follow this header
    out.extend_from_slice(&0u64.to_le_bytes()); // no sections
    out.extend_from_slice(&0u32.to_le_bytes());
    for half in [64u16, 56, 1, 0, 0, 0] {
        out.extend_from_slice(&half.to_le_bytes());
    }
    out.extend_from_slice(&1u32.to_le_bytes()); // PT_LOAD
    out.extend_from_slice(&5u32.to_le_bytes()); // read and execute
    for word in [0, BASE, BASE, size, size, 0x1000] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(code);
    out
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_pause_program_runs_and_stays() {
        let Some(program) = super::program() else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pause");
        std::fs::write(&path, program).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut child = std::process::Command::new(&path).spawn().unwrap();
        // It has to be in the pause system call (34), not dead of a bad instruction.
        let syscall = format!("/proc/{}/syscall", child.id());
        loop {
            let text = std::fs::read_to_string(&syscall).unwrap();
            if text.starts_with("34 ") {
                break;
            }
            assert!(child.try_wait().unwrap().is_none(), "the pause program ended");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
