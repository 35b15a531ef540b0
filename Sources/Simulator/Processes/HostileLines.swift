/// What no honest client sends.
enum HostileLines {
    static func next(_ random: inout SplitMix64, task: String) -> [UInt8] {
        let number = random.pick(numbers)
        let line: String
        switch random.below(12) {
        case 0: return [UInt8](repeating: 0xFF, count: 1 + random.below(40)) + [0x0A]
        case 1: line = String(repeating: "[", count: 1 + random.below(200))
        case 2: line = "{\"op\":\"status\",\"taskId\":\"\(task)\",\"attempt\":\(number),\"status\":\"completed\"}"
        case 3: line = "{\"op\":\"submit\",\"name\":\"hostile\",\"image\":\"x\",\"maxAttempts\":\(number)}"
        case 4: line = "{\"op\":\"submit\",\"name\":\"hostile\",\"image\":\"x\",\"timeoutSeconds\":\(number)}"
        case 5:
            line =
                "{\"op\":\"submit\",\"name\":\"hostile\",\"image\":\"x\",\"resources\":{\"requests\":{\"cpu\":\(number),"
                + "\"memory\":\(number)}}}"
        case 6: line = "{\"op\":\"list\",\"limit\":\(number)}"
        case 7 where number.count > 9:
            line =
                "{\"op\":\"import\",\"tasks\":[{\"taskId\":\"hostile-\(random.below(1_000))\",\"name\":\"hostile\","
                + "\"image\":\"x\",\"status\":\"pending\",\"attempt\":\(number),"
                + "\"createdAt\":\"2026-06-01T00:00:00Z\"}]}"
        case 7:
            line =
                "{\"op\":\"import\",\"tasks\":[{\"taskId\":\"hostile-\(random.below(1_000))\",\"name\":\"hostile\","
                + "\"image\":\"x\",\"status\":\"completed\",\"attempt\":\(number),\"exitCode\":\(random.pick(numbers)),"
                + "\"createdAt\":\(random.pick(times)),\"finishedAt\":\(random.pick(times))}]}"
        case 8: line = "{\"op\":\"watch\",\"cursor\":\"m1x1:\(number)\"}"
        case 9: line = "{\"op\":\"unsubscribe\",\"sub\":\(number)}"
        case 10: line = "{\"op\":\"heartbeat\"}"
        default: line = "{\"op\":\"logs\",\"taskId\":\"\(task)\",\"tail\":\(number)}"
        }
        return Array(line.utf8) + [0x0A]
    }

    private static let numbers = [
        "0", "-1", "1", "2147483647", "2147483648", "9223372036854775807", "-9223372036854775808",
        "9223372036854775808", "1e308", "0.1", "1e-300", "null", "\"7\"",
    ]
    private static let times = [
        "\"2026-06-01T00:00:00Z\"", "\"9999-12-31T23:59:59Z\"", "\"0000-01-01T00:00:00Z\"", "0", "null", "-1", "1e300",
    ]
}
