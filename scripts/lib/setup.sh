# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists are used by those who source this
# What the scripts share: saying what happens, installing what is missing, pinned npm packages.
# Sourced; sets ROOT to the top of the source tree and goes there.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT" || exit 1

say() {
    printf '== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

jobs_count() {
    nproc 2>/dev/null || echo 2
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif ! command -v sudo >/dev/null; then
        die "needs root to run: $* (there is no sudo)"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

# What each purpose needs: kind:probe:package. `cmd` looks for a program, `pc` asks pkg-config, so
# that nothing is installed where it exists already, from whatever source; `dpkg` asks for the package.
PACKAGES_BUILD='
cmd:gcc:gcc
cmd:meson:meson
cmd:ninja:ninja-build
cmd:pkg-config:pkg-config
dpkg:-:libc6-dev
pc:libevent_core libevent_extra libevent_openssl libevent_pthreads:libevent-dev
pc:openssl:libssl-dev
pc:libcjson:libcjson-dev
pc:zlib:zlib1g-dev
'
PACKAGES_NPM='
cmd:node:nodejs
cmd:npm:npm
'
PACKAGES_CHECK='
cmd:g++:g++
cmd:clang:clang
dpkg:-:libclang-rt-dev
cmd:clang-format:clang-format
cmd:cmake:cmake
cmd:make:make
cmd:openssl:openssl
cmd:python3:python3
cmd:ip:iproute2
cmd:shellcheck:shellcheck
cmd:valgrind:valgrind
dpkg:-:libc6-dbg
cmd:chromium:chromium
dpkg:-:python3-aiohttp
dpkg:-:python3-msgpack
dpkg:-:python3-requests
dpkg:-:python3-socketio
dpkg:-:python3-websocket
cmd:/usr/sbin/haproxy:haproxy
cmd:/usr/sbin/nginx:nginx-light
pc:check:check
'
PACKAGES_ANALYSIS='
cmd:gcovr:gcovr
cmd:cppcheck:cppcheck
cmd:clang-tidy-14:clang-tidy-14
'

have() {
    local kind=$1 probe=$2 package=$3 module
    case $kind in
    cmd)
        command -v "$probe" >/dev/null
        ;;
    pc)
        command -v pkg-config >/dev/null || return 1
        for module in $probe; do
            pkg-config --exists "$module" || return 1
        done
        ;;
    dpkg)
        # Nothing to look for but the package: other systems are taken at their word.
        command -v dpkg-query >/dev/null || return 0
        grep -q '^ii' <<<"$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null)"
        ;;
    esac
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null
}

apt_install() {
    local output
    output=$(apt install --no-install-recommends -y "$@" 2>&1) && return
    printf '%s\n' "$output" >&2
    return 1
}

# need LIST...: install the packages of the lists whose probe fails. Silent when none does.
need() {
    local list kind probe package missing=()
    for list in "$@"; do
        while IFS=: read -r kind probe package; do
            if [ -n "$kind" ] && ! have "$kind" "$probe" "$package"; then
                missing+=("$package")
            fi
        done <<<"$list"
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "missing, and there is no apt-get to install: ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    # A fresh machine has no package lists, an old one lists whose files are gone.
    if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
        apt update || die "apt-get update failed"
    fi
    apt_install "${missing[@]}" && return
    apt update || die "apt-get update failed"
    apt_install "${missing[@]}" || die "could not install: ${missing[*]}"
}

need_node() {
    local major
    need "$PACKAGES_NPM"
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 18 ] || die "node $major is too old: 18 or newer is needed ($(command -v node))"
}

# npm_packages DIR: exactly what DIR/package-lock.json says, in DIR/node_modules.
npm_packages() {
    local dir=$1 stamp=$1/node_modules/.package-lock.sum
    if [ -f "$stamp" ] && (cd "$dir" && sha256sum --status -c node_modules/.package-lock.sum); then
        return 0
    fi
    say "installing the pinned npm packages of $dir"
    (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >/dev/null) ||
        die "npm ci failed in $dir"
    (cd "$dir" && sha256sum package-lock.json >node_modules/.package-lock.sum)
}
