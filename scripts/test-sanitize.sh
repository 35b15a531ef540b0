#!/usr/bin/env bash
# The tests of TLS, where C is called by hand, under AddressSanitizer and its leak check: a package of their own in
# .build/sanitize, with nothing else of this one, takes two minutes at first and a quarter of one later. Arguments go to
# `swift test`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

readonly PACKAGE=.build/sanitize

nio="$(sed -nE 's#.*(\.package\(url: "[^"]*/swift-nio", exact: "[^"]*"\)).*#\1#p' Package.swift)"
[[ -n $nio ]] || die "Package.swift does not say which swift-nio there is"

mkdir -p "$PACKAGE"
ln -sfn ../../Sources "$PACKAGE/Sources"
ln -sfn ../../Tests "$PACKAGE/Tests"
cp Package.resolved "$PACKAGE/" 2>/dev/null || true
cat >"$PACKAGE/Package.swift.new" <<END
// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
]
let core = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let embedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")

let package = Package(
    name: "podling-tls",
    dependencies: [$nio],
    targets: [
        .systemLibrary(name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl"),
        .target(name: "PodlingTLS", dependencies: ["COpenSSL", core], path: "Sources/TLS", swiftSettings: settings),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(
            name: "TLSTests",
            dependencies: ["PodlingTLS", "TestSupport", core, embedded],
            path: "Tests/TLSTests",
            swiftSettings: settings
        ),
    ]
)
END
# An unchanged manifest is not touched, so that nothing is planned anew.
cmp -s "$PACKAGE/Package.swift.new" "$PACKAGE/Package.swift" || cp "$PACKAGE/Package.swift.new" "$PACKAGE/Package.swift"

export ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:abort_on_error=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
swift test --package-path "$PACKAGE" --sanitize=address --disable-xctest "$@" </dev/null
good "nothing was found"
