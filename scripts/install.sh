#!/usr/bin/env bash
# Behind `make install` and `make uninstall`: the three programs as they ship, their completions, and their sizes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() {
    cat <<'USAGE'
usage: scripts/install.sh [--uninstall]

PREFIX   where they go: PREFIX/bin, and PREFIX/share for the completions of bash, zsh and fish (default /usr/local)
DESTDIR  put before PREFIX, for whoever makes a package
USAGE
}

readonly PREFIX="${PREFIX:-/usr/local}"
readonly ROOT="${DESTDIR:-}$PREFIX"

# completion PROGRAM SHELL: where it goes, below PREFIX.
completion() {
    case "$2" in
        bash) echo "share/bash-completion/completions/$1" ;;
        zsh) echo "share/zsh/site-functions/_$1" ;;
        fish) echo "share/fish/vendor_completions.d/$1.fish" ;;
    esac
}

# installed_files: all that is put there, below PREFIX.
installed_files() {
    local program shell
    for program in "${OUR_PROGRAMS[@]}"; do
        echo "bin/$program"
        for shell in bash zsh fish; do completion "$program" "$shell"; done
    done
}

uninstall() {
    local file
    while IFS= read -r file; do rm -f "$ROOT/$file"; done < <(installed_files)
    good "nothing of Podling is left below $ROOT"
}

scratch=''
clean_up() { rm -rf "$scratch"; }

main() {
    local folder program shell
    case "${1:-}" in
        '') ;;
        --uninstall) uninstall && return ;;
        -h | --help) usage && return ;;
        *) usage >&2 && exit 2 ;;
    esac
    [[ $PREFIX == /* ]] || die "PREFIX must be an absolute path, and is '$PREFIX'"
    mkdir -p "$ROOT/bin" 2>/dev/null && [[ -w $ROOT/bin ]] ||
        die "this user may not write to $ROOT/bin: make install PREFIX=\$HOME/.local, or sudo env PATH=\"\$PATH\" make install"
    scripts/setup.sh base
    heading "building for release (a first build takes some minutes)"
    build_programs "${RELEASE[@]}"
    folder="$(programs_folder "${RELEASE[@]}")"
    scratch="$(mktemp -d)"
    trap clean_up EXIT
    heading "installing below $ROOT"
    for program in "${OUR_PROGRAMS[@]}"; do
        strip -o "$scratch/$program" "$folder/$program"
        install -m 755 "$scratch/$program" "$ROOT/bin/$program"
        for shell in bash zsh fish; do
            "$folder/$program" --generate-completion-script "$shell" >"$scratch/completion"
            install -D -m 644 "$scratch/completion" "$ROOT/$(completion "$program" "$shell")"
        done
        awk -v name="$ROOT/bin/$program" -v bytes="$(stat -c %s "$ROOT/bin/$program")" \
            'BEGIN { printf "%6.1f MB  %s\n", bytes / 1e6, name }'
    done
    [[ :$PATH: == *":$PREFIX/bin:"* || -n ${DESTDIR:-} ]] || say "To have them at hand: export PATH=$PREFIX/bin:\$PATH"
}

main "$@"
