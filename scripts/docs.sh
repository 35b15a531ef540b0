#!/usr/bin/env bash
# Behind `make docs`: the documentation of the two libraries, by the DocC of the Swift toolchain. Fails on any warning of
# DocC, on a public symbol without documentation, and on a snippet that needs more than what is public.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() {
    cat <<'USAGE'
usage: scripts/docs.sh

Builds the libraries (debug) and writes .build/docs/PodlingProtocol.doccarchive and .build/docs/PodlingClient.doccarchive.
To read one, serve it and open /documentation/podlingclient there:

  python3 -m http.server --bind 127.0.0.1 --directory .build/docs/PodlingClient.doccarchive
USAGE
}

readonly OUT=.build/docs
readonly GRAPHS=.build/docs/symbol-graphs

# tool NAME: the program of the toolchain that `swift` belongs to.
tool() {
    local beside
    beside="$(dirname "$(readlink -f "$(command -v swift)")")/$1"
    if [[ -x $beside ]]; then printf '%s\n' "$beside"; else command -v "$1" || die "the Swift toolchain has no $1"; fi
}

# list_module_flags FOLDER: what a compiler needs to import what this build has in FOLDER; one a line.
list_module_flags() {
    local map
    printf '%s\n' -I "$1/Modules"
    for map in "$1"/*.build/module.modulemap .build/checkouts/*/Sources/*/include/module.modulemap \
        Sources/*/module.modulemap; do
        [[ ! -f $map ]] || printf '%s\n' -Xcc "-fmodule-map-file=$(readlink -f "$map")"
    done
}

# extract MODULE: the public symbols of a module into a folder of its own.
extract() {
    mkdir -p "$GRAPHS/$1"
    "$(tool swift-symbolgraph-extract)" -module-name "$1" "${flags[@]}" -target "$triple" \
        -minimum-access-level public -skip-synthesized-members -skip-inherited-docs -output-dir "$GRAPHS/$1"
}

# list_undocumented MODULE: file:line: symbol for each public symbol that has no documentation.
list_undocumented() {
    jq -r --arg root "file://$PWD/" '.symbols[]
        | select(.location != null and .docComment == null)
        | "\(.location.uri | ltrimstr($root)):\(.location.position.line + 1): \(.pathComponents | join(".")) has no documentation"' \
        "$GRAPHS/$1"/*.symbols.json
}

# write_snippet_graph FILE: the snippets in the form that DocC reads, which SwiftPM leaves to a plug-in.
write_snippet_graph() {
    local snippet
    for snippet in Snippets/*.swift; do
        jq -Rs --arg name "$(basename "$snippet" .swift)" '
            split("\n") | (map(startswith("//!")) | index(false)) as $head
            | {
                identifier: {precise: "$snippet__podling.\($name)", interfaceLanguage: "swift"},
                kind: {identifier: "snippet", displayName: "Snippet"},
                names: {title: $name},
                pathComponents: ["Snippets", $name],
                accessLevel: "public",
                docComment: {lines: [.[:$head][] | {text: ltrimstr("//!") | ltrimstr(" ")}]},
                snippet: {
                    language: "swift",
                    slices: {},
                    lines: (.[$head:] | if .[0] == "" then .[1:] else . end | if .[-1] == "" then .[:-1] else . end)
                }
            }' "$snippet"
    done | jq -s '{
        metadata: {formatVersion: {major: 0, minor: 1, patch: 0}, generator: "scripts/docs.sh"},
        module: {name: "podling", platform: {}, isVirtual: true},
        symbols: .,
        relationships: []
    }' >"$1"
}

# Snippets are compiled as part of this package, which shows them more than a reader of the documentation has.
check_snippets() {
    local snippet
    for snippet in Snippets/*.swift; do
        swiftc -typecheck -swift-version 6 -warnings-as-errors "${flags[@]}" "$snippet" ||
            die "$snippet does not compile outside this package"
    done
}

main() {
    local folder module line undocumented=0
    case "${1:-}" in
        '') ;;
        -h | --help) usage && return ;;
        *) usage >&2 && exit 2 ;;
    esac
    scripts/setup.sh base
    quiet_build --target PodlingClient
    folder="$(programs_folder)"
    mapfile -t flags < <(list_module_flags "$folder")
    triple="$(swift -print-target-info | jq -r .target.triple)"
    rm -rf "$OUT"
    check_snippets
    for module in PodlingProtocol PodlingClient; do
        extract "$module"
        while IFS= read -r line; do
            complain "$line"
            undocumented=$((undocumented + 1))
        done < <(list_undocumented "$module")
    done
    ((undocumented == 0)) || die "$undocumented public symbol(s) without documentation"
    write_snippet_graph "$GRAPHS/PodlingClient/podling-snippets.symbols.json"
    for module in PodlingProtocol PodlingClient; do
        heading "docc convert $module"
        "$(tool docc)" convert "Sources/${module#Podling}/$module.docc" \
            --additional-symbol-graph-dir "$GRAPHS/$module" --output-path "$OUT/$module.doccarchive" \
            --fallback-bundle-identifier "podling.$module" --warnings-as-errors
    done
    good "written: $OUT/PodlingProtocol.doccarchive, $OUT/PodlingClient.doccarchive"
}

main "$@"
