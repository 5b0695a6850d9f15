# Shared by the commands in tools/: where the project is, what it needs, and how to say so. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\n==> %s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# What the build needs beside a Swift toolchain. Nothing links libusb and libudev yet; board discovery will, and one list
# now means that nobody has to install anything twice.
build_packages=(git pkg-config libstdc++-12-dev zlib1g-dev libsecp256k1-dev libzmq3-dev libsqlite3-dev libusb-1.0-0-dev libudev-dev)

# What tools/kernels/check needs for the kernels of processors that this machine does not have.
kernel_packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# Installs those of the named Debian packages that are missing, with sudo when not root, and says which.
need_packages() {
    command -v dpkg-query >/dev/null || fail "this is not Debian; install the equivalents of: $*"
    local missing=() package
    for package in "$@"; do installed "$package" || missing+=("$package"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            fail "these Debian packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "Installing Debian packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -q || fail "apt-get update failed; is there a network?"
    "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" ||
        fail "apt-get could not install: ${missing[*]}"
}

need_swift() {
    command -v swift >/dev/null || fail "no swift on the PATH; Adit needs Swift 6.3 (https://www.swift.org/install)"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || fail "swift --version says nothing that looks like a version"
    [ "$(printf '%s\n6.3\n' "$version" | sort -V | head -n 1)" = 6.3 ] || fail "Swift $version is too old; Adit needs 6.3"
}
