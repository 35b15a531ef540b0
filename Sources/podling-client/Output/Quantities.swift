import PodlingClock

/// Short human-readable times and sizes.
enum Quantities {
    /// Milliseconds since 1970.
    static func now() -> Int64 { WallClock.milliseconds() }

    /// Formats an age as `12 seconds ago`, or `-` for no time; a time in the future (the master's clock differs) is
    /// now.
    static func age(_ instant: Int64?, now: Int64) -> String {
        guard let instant else { return "-" }
        return duration(seconds: max(0, now - instant) / 1000) + " ago"
    }

    /// Formats a duration in the largest unit of which there are at least two.
    static func duration(seconds: Int64) -> String {
        switch seconds {
        case ..<1: "less than a second"
        case 1: "1 second"
        case ..<120: "\(seconds) seconds"
        case ..<7200: "\(seconds / 60) minutes"
        case ..<172_800: "\(seconds / 3600) hours"
        default: "\(seconds / 86400) days"
        }
    }

    /// Formats a size as `1.5Gi`: powers of 1,024, at most one digit after the point.
    static func memory(_ bytes: Int?) -> String {
        guard let bytes else { return "-" }
        var value = Double(bytes)
        for unit in ["", "Ki", "Mi", "Gi"] {
            if value < 1024 { return trimmed(value) + unit }
            value /= 1024
        }
        return trimmed(value) + "Ti"
    }

    /// Formats cores as `0.5` or `2`.
    static func cpu(_ cores: Double?) -> String {
        guard let cores else { return "-" }
        return trimmed(cores)
    }

    private static func trimmed(_ value: Double) -> String {
        let tenths = (value * 10).rounded() / 10
        return tenths == tenths.rounded() ? "\(Int64(tenths))" : "\(tenths)"
    }
}
