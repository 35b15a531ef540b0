#!/usr/bin/env bash
# What must hold before a push: formatting, a build without warnings, and the rules of CONTRIBUTING.md.
# scripts/check.sh [NAME...] runs some of them: shell lengths imports machines access traps paths words mutants reliability
# format build docs.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"

readonly FILE_LINES_MAX=400
# Where scripts/words.txt holds: files, or folders with all that is in them.
readonly WORDED_PATHS=(
    README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md proto-spec.md openapi.yaml docs/OPERATIONS.md
    docs/ARCHITECTURE.md docs/INTERNALS.md
    Sources/Protocol Sources/Access Sources/Core Sources/Digest Sources/Clock Sources/Logging Sources/Store Sources/Shell
    Snippets Sources/PostgresStore Sources/TLS Sources/Master/Certificates Sources/Master/InProcess
    Sources/Master/Logging Sources/Master/Loop Sources/Master/Server Sources/Master/Sessions Sources/HTTPShim
    Sources/Client Sources/Options Sources/Agent Sources/Worker Sources/podling-client
    Sources/podling-master Sources/podling-worker Tests/AccessTests Tests/AgentTests Tests/ClientTests Tests/ClockTests
    Tests/FaultTests Tests/IntegrationTests Tests/LoggingTests Tests/PostgresTests Tests/ProtocolTests
    Tests/StoreTesting Tests/StoreTests Tests/TLSTests Tests/TestSupport Tests/ConformanceTests/Duties
    Tests/ConformanceTests/Schema
)

# The modules that each folder may import, besides the system's. DESIGN: an arrow may only point down.
allowed_imports() {
    case "$1" in
        Sources/Protocol) echo "NIOCore" ;;
        Sources/Clock) echo "" ;;
        Sources/Logging) echo "PodlingProtocol PodlingClock" ;;
        Sources/Digest) echo "" ;;
        Sources/Access) echo "PodlingProtocol PodlingDigest" ;;
        Sources/Core) echo "PodlingProtocol PodlingAccess" ;;
        Sources/Store) echo "PodlingProtocol PodlingCore" ;;
        Sources/Shell) echo "PodlingProtocol PodlingAccess PodlingCore PodlingStore" ;;
        Sources/PostgresStore) echo "PodlingProtocol PodlingClock PodlingAccess PodlingCore PodlingStore" ;;
        Sources/TLS) echo "" ;;
        Sources/Client) echo "PodlingProtocol PodlingTLS" ;;
        Sources/Master) echo "PodlingProtocol PodlingClock PodlingAccess PodlingCore PodlingStore PodlingShell PodlingTLS" ;;
        Sources/HTTPShim) echo "PodlingProtocol PodlingTLS PodlingClient PodlingMaster" ;;
        Sources/Agent) echo "PodlingProtocol" ;;
        Sources/Simulator) echo "PodlingProtocol PodlingAccess PodlingCore PodlingStore PodlingShell PodlingAgent" ;;
        Sources/podling-sim) echo "PodlingSimulator" ;;
        Sources/Worker) echo "PodlingProtocol PodlingClock PodlingAgent PodlingClient" ;;
        Sources/podling-master) echo "PodlingProtocol PodlingAccess PodlingTLS PodlingCore PodlingStore PodlingShell PodlingPostgres PodlingMaster PodlingHTTP PodlingLogging" ;;
        Sources/Options) echo "PodlingClient" ;;
        Sources/podling-worker) echo "PodlingProtocol PodlingClient PodlingOptions PodlingAgent PodlingWorker PodlingLogging" ;;
        Sources/podling-client) echo "PodlingProtocol PodlingClock PodlingDigest PodlingTLS PodlingClient PodlingOptions" ;;
        *) return 1 ;;
    esac
}

# Modules of the system that a folder must not import, as an extended regular expression.
forbidden_imports() {
    case "$1" in
        Sources/Digest | Sources/Access | Sources/Core | Sources/Shell | Sources/Agent | Sources/Simulator) echo 'Foundation|FoundationEssentials|NIO.*|Logging|Dispatch|Glibc' ;;
        Sources/Clock) echo 'Foundation|FoundationEssentials|NIO.*|Logging|Dispatch' ;;
        Sources/Protocol) echo 'Foundation|NIO(Posix|Embedded|.+Helpers)|Logging' ;;
        Sources/Store) echo 'Foundation|NIO.*' ;;
        Sources/TLS) echo 'Foundation|FoundationEssentials|NIO(Posix|Embedded|SSL|.+Helpers)|Logging|Dispatch' ;;
        Sources/Master | Sources/Client) echo 'Foundation' ;;
        *) echo '-' ;;
    esac
}

offences=0
# report WHAT_TO_DO: reads file:line: text, each line an offence; says once what to do.
report() {
    local line found=0
    while IFS= read -r line; do
        complain "${line#error: }"
        found=$((found + 1))
    done
    offences=$((offences + found))
    ((found == 0)) || warn "       $1"
}

# Files of the tree, new ones too; one that is deleted but not yet committed is not there.
tree_files() {
    local file
    while IFS= read -r file; do
        [[ ! -f $file ]] || printf '%s\n' "$file"
    done < <(git ls-files --cached --others --exclude-standard -- "$@")
}
swift_files() { tree_files "$@" | grep '\.swift$' || true; }
shell_files() { tree_files '*.sh' .ci; }

# imports FOLDER: file:line:module for each import in it.
imports() {
    swift_files "$1" | xargs -r grep -HnE '^[^/"]*\bimport +' |
        sed -nE 's/^([^:]+:[0-9]+):.*\bimport +((struct|class|enum|protocol|func|var|let|typealias) +)?([A-Za-z_]+).*/\1:\4/p'
}

list_bad_imports() {
    local folder allowed forbidden file line module
    for folder in Sources/*; do
        [[ -n $(swift_files "$folder") ]] || continue
        if ! allowed="$(allowed_imports "$folder")"; then
            echo "$folder:0: scripts/check.sh does not know what this folder may import; add it there"
            continue
        fi
        forbidden="$(forbidden_imports "$folder")"
        while IFS=: read -r file line module; do
            if [[ $module =~ ^($forbidden)$ ]]; then
                echo "$file:$line: imports $module"
            elif [[ $module == Podling* && " $allowed " != *" $module "* ]]; then
                echo "$file:$line: imports $module; $folder may import: $allowed"
            fi
        done < <(imports "$folder")
    done
}

check_imports() {
    list_bad_imports >"$findings"
    report "Imports point one way, and FoundationEssentials serves where Foundation is not needed." <"$findings"
    # Each of these compiles a copy of BoringSSL, which takes longer than all of Podling.
    grep -HnE 'swift-crypto|swift-nio-ssl|swift-certificates|async-http-client|Hummingbird(Testing|TLS|HTTP2)' \
        Package.swift >"$findings" || true
    report "OpenSSL is the one library of cryptography here, in tests too." <"$findings"
}

check_lengths() {
    local file lines
    while IFS= read -r file; do
        lines="$(wc -l <"$file")"
        ((lines <= FILE_LINES_MAX)) || echo "$file:$FILE_LINES_MAX: has $lines lines"
    done < <(swift_files Sources Tests Benchmarks Snippets Package.swift) >"$findings"
    report "At most $FILE_LINES_MAX lines: split it by what it holds." <"$findings"
}

# grep_code PATTERN FOLDER...: file:line: text, comment lines left out.
grep_code() {
    local pattern=$1
    shift
    swift_files "$@" | xargs -r grep -HnE "$pattern" | grep -vE '^[^:]+:[0-9]+: *//' || true
}

# The core's machines know neither one another's owner nor an index without a type.
check_machines() {
    local folder
    for folder in Sources/Core/*/; do
        case "$folder" in
            */Lifecycle/ | */Requests/) ;;
            *) grep_code '\bMasterCore\b' "$folder" ;;
        esac
    done >"$findings"
    report "What touches two machines belongs into Sources/Core/Lifecycle or Requests." <"$findings"
    grep_code '\bInt32\b' Sources/Core |
        grep -vE '^Sources/Core/(Tasks/(TaskRecord|TableIndexes)|Sessions/SessionID)\.swift:' >"$findings" || true
    report "An index has a type (TableIndexes.swift); only a record counts its bytes." <"$findings"
}

check_access() {
    grep_code '^ *(@[A-Za-z]+ )*public ' Sources |
        grep -vE '^Sources/(Protocol|Client)/|^Sources/TLS/.*/(TLSError|TLSAlert|TLSConfiguration)\.swift:' >"$findings" || true
    report "What only this package uses is \`package\`; the public libraries are Protocol and Client." <"$findings"
}

check_traps() {
    grep_code '\bfatalError\(|\btry!|\bas!' Sources >"$findings"
    report "Nothing from outside may end the process: throw, or answer with an error." <"$findings"
}

check_paths() {
    # The brackets keep this line from finding itself.
    git grep -nIE '(^|[^A-Za-z0-9_.$}/-])/(wor[k]|hom[e]/[a-z]|Users[/]|op[t]/swift|tm[p]/h)(/|$|[^A-Za-z0-9_-])' \
        -- . ':!LICENSE' >"$findings" || true
    report "No path of one machine belongs in the tree." <"$findings"
}

# A patch that fits no more tests nothing; scripts/mutants.sh, which takes long, would say so.
check_mutants() {
    local patch name
    for patch in Tests/Mutants/*.patch; do
        name="$(basename "$patch" .patch)"
        git apply --check "$patch" 2>/dev/null || printf '%s: does not apply\n' "$patch"
        grep -qF "\`$name\`" docs/RELIABILITY.md || printf '%s: has no row in docs/RELIABILITY.md\n' "$patch"
    done >"$findings"
    report "Mend the patch, or its row." <"$findings"
}

# A test that docs/RELIABILITY.md names as `Suite.function` is one of Tests/, and a script is there.
check_reliability() {
    local name suite
    local -a files
    # In backticks, code of other kinds has no such form, or ends otherwise.
    grep -oE '`[A-Z][A-Za-z]+\.[a-z][A-Za-z0-9]+`' docs/RELIABILITY.md | tr -d '`' | sort -u | while IFS= read -r name; do
        suite="${name%%.*}"
        mapfile -t files < <(swift_files Tests | xargs -r grep -lE "\b(struct|class|extension) ([A-Za-z]+\.)*$suite\b")
        ((${#files[@]} > 0)) || { echo "docs/RELIABILITY.md: there is no suite $suite of $name" && continue; }
        grep -qE "func ${name#*.}\(" "${files[@]}" || echo "docs/RELIABILITY.md: $suite has no test ${name#*.}"
    done >"$findings"
    grep -oE '`scripts/[a-z-]+\.sh' docs/RELIABILITY.md | tr -d '`' | sort -u | while IFS= read -r name; do
        [[ -f $name ]] || echo "docs/RELIABILITY.md: there is no $name"
    done >>"$findings"
    sed -n '/^## Fault tests/,/^## M/p' docs/RELIABILITY.md | sed -nE 's/^\| ([0-9]+) \|.*/\1/p' | diff - <(seq 23) >/dev/null ||
        echo "docs/RELIABILITY.md: the rows of the fault tests are not 1 to 23" >>"$findings"
    report "Name the test that shows it, or say that none does." <"$findings"
}

# list_words FILE...: file:line: word for each word of scripts/words.txt, also where a line ends within it. Code, in a fence
# or `inline`, may hold any word; of a Swift file only the comments are read.
list_words() {
    awk -v list=scripts/words.txt '
        function whole(words) { return "(^|[^a-z0-9_])(" words ")([^a-z0-9_]|$)" }
        BEGIN {
            while ((getline entry < list) > 0) {
                if (entry ~ /^#/ || !(tab = index(entry, "\t"))) continue
                word = substr(entry, 1, tab - 1)
                better[word] = substr(entry, tab + 1)
                any = any (any == "" ? "" : "|") word
            }
        }
        FNR == 1 { fenced = 0; before = "" }
        FILENAME ~ /\.swift$/ {
            if (!match($0, /(^| )\/\/\/?( |$)/)) { fenced = 0; before = ""; next }
            $0 = substr($0, RSTART)
        }
        /^[ \/*]*```/ { fenced = !fenced; before = ""; next }
        fenced { next }
        {
            text = tolower($0)
            gsub(/`[^`]*`/, "`", text)
            gsub(/^[ \/*>|-]+/, "", text)
            text = before " " text
            if (text ~ whole(any))
                for (word in better)
                    if (text ~ whole(word) && before !~ whole(word))
                        print FILENAME ":" FNR ": \"" word "\"; better: " better[word]
            # The last two words, for a phrase that goes over the end of the line.
            before = match(text, /[^ ]+ +[^ ]+ *$/) ? substr(text, RSTART) : ""
        }' "$@" </dev/null
}

check_words() {
    local -a files
    [[ -s scripts/words.txt ]] || die "scripts/words.txt is not there"
    mapfile -t files < <(tree_files "${WORDED_PATHS[@]}")
    list_words "${files[@]}" >"$findings"
    report "scripts/words.txt has the better word; quote code as \`code\`." <"$findings"
}

check_shell() {
    local file
    while IFS= read -r file; do
        bash -n "$file" 2>>"$findings.shell" || true
    done < <(shell_files)
    report "bash cannot read it." <"$findings.shell"
    if have shellcheck; then
        shell_files | xargs -r shellcheck --external-sources --source-path=SCRIPTDIR --severity=warning \
            --format=gcc >"$findings" || true
        report "See https://www.shellcheck.net/wiki/ for the code." <"$findings"
    fi
}

check_format() {
    swift format lint --parallel --recursive --strict Sources Tests Benchmarks Snippets Package.swift 2>"$findings" || true
    report "Run: make format; a line that stays too long, shorten by hand." < <(sed "s|^$PWD/||" "$findings")
}

check_build() {
    local log="$scratch/build.log"
    # Warnings are errors by Package.swift; this also sees those of targets that forgot to say so.
    if ! swift build --build-tests 2>&1 </dev/null | tee "$log" | grep -E '^\[[0-9]+/[0-9]+\] (Linking|Applying)|error:'; then
        :
    fi
    grep -E ': (warning|error): ' "$log" | grep -vE '/\.build/' | sort -u | sed "s|^$PWD/||" >"$findings" || true
    report "The build must be free of warnings." <"$findings"
    grep -qE '^Build complete!' "$log" || {
        complain "the build failed"
        tail -n 40 "$log" >&2
        offences=$((offences + 1))
    }
}

check_docs() {
    if ! scripts/docs.sh >"$findings" 2>&1; then
        cat "$findings" >&2
        complain "the documentation of the libraries has faults"
        offences=$((offences + 1))
    fi
}

main() {
    scratch="$(mktemp -d)"
    findings="$scratch/findings"
    trap 'rm -rf "$scratch"' EXIT
    : >"$findings.shell"
    scripts/setup.sh base
    local check
    (($# > 0)) || set -- shell lengths imports machines access traps paths words mutants reliability format build docs
    for check in "$@"; do
        declare -F "check_$check" >/dev/null || die "no check named '$check'"
        heading "check $check"
        "check_$check"
    done
    ((offences == 0)) || die "$offences offence(s), listed above"
    good "all checks passed"
}

main "$@"
