#!/usr/bin/env bash
# Behind `make fuzz`: libFuzzer on what reads another program's bytes, under AddressSanitizer, with a corpus that grows in
# .build/fuzz. A package of its own, built for release with coverage, takes three minutes at first.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

usage() {
    cat <<'END'
usage: scripts/fuzz.sh [--seconds N] [TARGET...]

Runs each target for N seconds (60), after its kept inputs and those that once failed (Tests/Fuzzing/FailCases).
An input that fails is written to .build/fuzz/failed: add it to Tests/Fuzzing/FailCases/TARGET with its cure.

Targets: reader lines hello spec imports session orders tokens frames
END
}

readonly PACKAGE=.build/fuzz INPUT_BYTES_MAX=4096
readonly TARGETS=(reader lines hello spec imports session orders tokens frames)

seconds=60 targets=()
while (($# > 0)); do
    case "$1" in
        -h | --help) usage && exit 0 ;;
        --seconds) [[ ${2:-} =~ ^[0-9]+$ ]] || { usage >&2 && exit 2; }
            seconds=$2 && shift ;;
        -*) usage >&2 && exit 2 ;;
        *) [[ " ${TARGETS[*]} " == *" $1 "* ]] || { usage >&2 && exit 2; }
            targets+=("$1") ;;
    esac
    shift
done
((${#targets[@]} > 0)) || targets=("${TARGETS[@]}")

dependency() { sed -nE "s#.*(\.package\(url: \"[^\"]*/$1\", exact: \"[^\"]*\"\)).*#\1#p" Package.swift; }

write_package() {
    mkdir -p "$PACKAGE/Frames"
    ln -sfn ../../../Sources/Worker/Runtime/LogFrameDecoder.swift "$PACKAGE/Frames/LogFrameDecoder.swift"
    ln -sfn ../../Sources "$PACKAGE/Sources"
    ln -sfn ../../Tests "$PACKAGE/Tests"
    cp Package.resolved "$PACKAGE/" 2>/dev/null || true
    cat >"$PACKAGE/Package.swift.new" <<END
// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"]),
]
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let collections = ["DequeModule", "OrderedCollections", "HeapModule"].map {
    Target.Dependency.product(name: \$0, package: "swift-collections")
}
func library(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

let package = Package(
    name: "podling",
    products: [.library(name: "PodlingFuzzing", type: .static, targets: ["PodlingFuzzing"])],
    dependencies: [$(dependency swift-nio), $(dependency swift-collections)],
    targets: [
        .systemLibrary(name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl"),
        library("PodlingProtocol", "Sources/Protocol", [nio]),
        library("PodlingDigest", "Sources/Digest", ["COpenSSL"]),
        library("PodlingAccess", "Sources/Access", ["PodlingProtocol", "PodlingDigest"]),
        library("PodlingCore", "Sources/Core", ["PodlingProtocol", "PodlingAccess"] + collections),
        library("PodlingAgent", "Sources/Agent", ["PodlingProtocol"] + collections),
        library("PodlingFrames", "Frames", ["PodlingAgent"]),
        library(
            "PodlingFuzzing", "Tests/Fuzzing/Targets",
            ["PodlingProtocol", "PodlingAccess", "PodlingCore", "PodlingAgent", "PodlingFrames"]
        ),
    ]
)
END
    # An unchanged manifest is not touched, so that nothing is planned anew.
    cmp -s "$PACKAGE/Package.swift.new" "$PACKAGE/Package.swift" || cp "$PACKAGE/Package.swift.new" "$PACKAGE/Package.swift"
}

# libFuzzer brings the main function, so what SwiftPM links is a library.
build() {
    write_package
    swift build -c release --package-path "$PACKAGE" --product PodlingFuzzing </dev/null
    local folder
    folder="$(swift build -c release --package-path "$PACKAGE" --show-bin-path)"
    swiftc -sanitize=fuzzer,address -use-ld=lld -o "$PACKAGE/podling-fuzz-one" "$folder/libPodlingFuzzing.a" -lcrypto
}

# The lines of the transcripts, which are what peers send and get.
seed() {
    local target=$1 corpus="$PACKAGE/corpus/$1"
    mkdir -p "$corpus" "$PACKAGE/failed"
    [[ -z $(ls -A "$corpus") ]] || return 0
    [[ ! -d Tests/Fuzzing/Corpus/$target ]] || cp Tests/Fuzzing/Corpus/"$target"/* "$corpus/"
    case "$target" in
        reader) find Tests/JSONTestSuite/test_parsing -size -4k -exec cp {} "$corpus/" \; ;;
        lines) cat Tests/ConformanceTests/Transcripts/*.txt | split -b 400 - "$corpus/t" ;;
        hello | session) said 'C[^:]*' | split -l 3 -a 4 - "$corpus/t" ;;
        orders) said 'S[^:]*' | split -l 3 -a 4 - "$corpus/t" ;;
        spec) members submit "$corpus" ;;
        imports) said 'C[^:]*' | sed -nE 's/^\{"op":"import",.*"tasks":(.*)\}$/\1/p' | split -l 1 -a 4 - "$corpus/t" ;;
    esac
}
said() { sed -nE "s/^$1: (\{.*\})$/\1/p" Tests/ConformanceTests/Transcripts/*.txt; }
members() { said 'C[^:]*' | sed -nE "s/^\{\"op\":\"$1\",(.*)\}$/\1/p" | split -l 1 -a 4 - "$2/t"; }

fuzz() {
    local target=$1 log="$PACKAGE/$1.log" failures=()
    [[ ! -d Tests/Fuzzing/FailCases/$target ]] || failures=(Tests/Fuzzing/FailCases/"$target"/*)
    seed "$target"
    export PODLING_FUZZ_TARGET=$target ASAN_OPTIONS=detect_leaks=0
    ((${#failures[@]} == 0)) || "$PACKAGE/podling-fuzz-one" "${failures[@]}" >"$log" 2>&1 ||
        { show_log_tail "$log" && die "$target: an input that once failed fails again"; }
    "$PACKAGE/podling-fuzz-one" -max_total_time="$seconds" -max_len="$INPUT_BYTES_MAX" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$PACKAGE/failed/$target-" -print_final_stats=1 "$PACKAGE/corpus/$target" >"$log" 2>&1 ||
        { show_log_tail "$log" && die "$target: an input fails; it is in $PACKAGE/failed"; }
    say "$target: $(sed -nE 's/^stat::number_of_executed_units: *//p' "$log") inputs, $(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -1) edges, $(ls "$PACKAGE/corpus/$target" | wc -l) inputs kept"
}

build
for target in "${targets[@]}"; do fuzz "$target"; done
good "nothing was found"
