import Glibc

// podling-bench [--json FILE]: the codec and the core alone. podling-bench echo-server [PORT]: a bare NIO echo.

let arguments = Array(CommandLine.arguments.dropFirst())

if arguments.first == "echo-server" {
    try EchoServer.run(port: arguments.dropFirst().first.flatMap { Int($0) } ?? 0)
    exit(0)
}

// podling-bench core: the core's lifecycles only, for a profiler.
if arguments.first == "core" {
    print(CoreBenchmarks.lifecycles())
    exit(0)
}

// First, while the heap is untouched.
let core = CoreBenchmarks.run()
let codec = CodecBenchmarks.run().map { figure in
    let isFloored = figure.name.hasSuffix("beside Foundation")
    return BenchRow(name: "codec: \(figure.name)", value: figure.value, unit: figure.unit, floor: isFloored ? 12 : nil)
}
// Of three lines each: what a lifecycle costs beside reading is the same on every machine.
let reading = codec.first { $0.name == "codec: read: and take the values" }?.value ?? .nan
let beside = core.filter { $0.name.hasPrefix("core: lifecycles") }.map { row in
    BenchRow(name: "\(row.name), beside lines read", value: row.value / reading, unit: "times", floor: 0.18)
}
let rows = codec + core + beside
for row in rows {
    let value = row.value >= 100 ? "\(Int(row.value.rounded()))" : "\((row.value * 100).rounded() / 100)"
    print("\(row.name): \(value) \(row.unit)")
}
if arguments.first == "--json", let path = arguments.dropFirst().first {
    guard let file = fopen(path, "w") else {
        perror("podling-bench: \(path)")
        exit(1)
    }
    fputs("[\n" + rows.map(\.json).joined(separator: ",\n") + "\n]\n", file)
    fclose(file)
}
