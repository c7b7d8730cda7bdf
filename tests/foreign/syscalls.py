"""Writes the filter of system calls that a unit of systemd asks for, in the form `bwrap --seccomp` takes.

systemd makes such a filter itself; this one is for machines on which it does not run. Which calls belong to a set is systemd's word.
"""

import errno
import re
import socket
import subprocess
import sys

import seccomp


def sets():
    said = subprocess.run(["systemd-analyze", "syscall-filter"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found, members = {}, None
    for line in re.sub("\x1b[^m]*m", "", said).splitlines():
        if line.startswith("@"):
            members = found.setdefault(line.strip(), [])
        elif members is not None and line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())
    return found


def calls(words, sets):
    return {call for word in words for call in (calls(sets[word], sets) if word.startswith("@") else [word])}


def main(unit, target):
    settings = [line.strip().partition("=") for line in open(unit) if not line.startswith("#")]
    values = lambda name: [value for key, _, value in settings if key == name]
    known, allowed = sets(), set()
    for value in values("SystemCallFilter"):
        if value.startswith("~"):
            allowed -= calls(value[1:].split(), known)
        else:
            allowed |= calls(value.split(), known)
    assert len(allowed) > 100, "the unit filters nothing"

    filter = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for call in sorted(allowed - {"socket"}):
        try:
            filter.add_rule(seccomp.ALLOW, call)
        except (RuntimeError, ValueError):
            pass  # Not a call of this machine.
    for value in values("RestrictAddressFamilies"):
        for family in value.split():
            filter.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, int(getattr(socket, family))))
    with open(target, "wb") as file:
        filter.export_bpf(file)


main(*sys.argv[1:])
