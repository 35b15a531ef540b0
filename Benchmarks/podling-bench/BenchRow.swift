import Glibc

/// One line of the table.
struct BenchRow {
    var name: String
    var value: Double
    var unit: String
    var floor: Double?
    var lowerIsBetter = false

    func lower() -> BenchRow {
        var row = self
        row.lowerIsBetter = true
        return row
    }

    /// As `bench.json` has it.
    var json: String {
        let floor = floor.map { "\($0)" } ?? "null"
        return
            #"{"name":"\#(name)","value":\#(value),"unit":"\#(unit)","floor":\#(floor),"lowerIsBetter":\#(lowerIsBetter)}"#
    }
}

enum Clock {
    /// Processor time of this thread.
    static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

enum Memory {
    /// The resident set of this process (proc(5), statm).
    static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
    }
}
