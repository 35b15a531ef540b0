import FoundationEssentials
import TestSupport
import Testing

/// Where a master keeps its tasks.
enum MovingStore: String, CaseIterable {
    case memory, postgres
}

/// A master with its store, and a folder for files.
struct MovingPlace {
    let master: MasterProcess
    let database: TestDatabase?
    let scratch: Scratch

    init(_ store: MovingStore = .memory, _ arguments: [String] = [], http: Bool = false) throws {
        database = store == .postgres ? try TestDatabase() : nil
        master = try MasterProcess(arguments, environment: database?.environment ?? [:], http: http)
        scratch = try Scratch()
    }

    /// A new master of the same store.
    init(again other: MovingPlace, on address: String = "127.0.0.1:0") throws {
        database = other.database
        master = try MasterProcess(["--listen", address], environment: other.database?.environment ?? [:])
        scratch = other.scratch
    }

    func start(_ arguments: [String]) throws -> ProgramProcess {
        let environment = ["PODLING_MASTER": master.address]
        return try ProgramProcess(ProductsDirectory.program("podling-client"), arguments, environment: environment)
    }

    /// What the client printed, once it ended with `status`.
    @discardableResult
    func client(_ arguments: [String], status: Int32 = 0) throws -> String {
        let program = try start(arguments)
        let ending = program.wait(deadline: .after(seconds: 120))
        guard ending == .exited(status) else {
            throw TestSupportError("\(arguments) ended with \(String(describing: ending)): \(program.output)")
        }
        return program.output
    }

    /// The lines of an export, without the trailer.
    func exported(_ name: String = "all.ndjson", _ more: [String] = []) throws -> [String] {
        let path = scratch.file(name)
        try client(["export", "--output-file", path] + more)
        return Array(try MovingFiles.lines(path).dropLast())
    }

    func end() { #expect(master.terminate() == .exited(0)) }
}

enum MovingFiles {
    static func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    static func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }
}

/// Tasks of all sorts, and a master that has them.
enum MovingTasks {
    /// Task objects as an export has them, of all sorts.
    static func make(_ count: Int) -> [String] {
        let day = "2026-01-02T03:04"
        return (0..<count).map { number in
            let seconds = 10 + number % 50
            let id = number % 10 == 9 ? "legacy/\(number) ä" : "t0000\(8 * 10_000_000 + number)"
            let state =
                switch number % 4 {
                case 0: #""status":"pending","attempt":0,"createdAt":"\#(day):\#(seconds).000Z""#
                case 1:
                    #""status":"completed","attempt":1,"nodeId":"n\#(number % 7)","exitCode":0,"createdAt":"\#(day):\#(seconds).123Z""#
                        + #","scheduledAt":"\#(day):\#(seconds).456Z","startedAt":"\#(day):\#(seconds).789Z","finishedAt":"\#(day):\#(seconds).999Z""#
                case 2:
                    #""status":"failed","attempt":3,"error":"line\n\"two\" \\ é","reason":"exit_code","exitCode":\#(1 + number % 200)"#
                        + #","createdAt":"\#(day):\#(seconds).000Z","finishedAt":"2026-01-02T04:04:05.000Z""#
                default:
                    #""status":"cancelled","attempt":0,"reason":"cancelled","createdAt":"\#(day):\#(seconds).000Z""#
                        + #","finishedAt":"2026-01-02T04:04:05.000Z""#
                }
            // What cannot be a container's name would fail as soon as it is imported.
            let taskId =
                state.contains("pending") ? id.replacing("legacy/", with: "old-").replacing(" ä", with: "") : id
            let name = taskId.hasPrefix("legacy") ? "My Töb" : "a"
            return
                #"{"taskId":"\#(taskId)",\#(state),"name":"\#(name)","image":"busybox","env":{"N":"\#(number) \"q\""}}"#
        }
    }

    static func fill(_ place: MovingPlace, _ tasks: [String]) throws {
        let path = place.scratch.file("fill.ndjson")
        try MovingFiles.write(tasks.joined(separator: "\n") + "\n", path)
        let said = try place.client(["import", "--no-trailer", path])
        #expect(said == "\(tasks.count) imported, 0 already here, 0 in conflict\n")
    }
}
