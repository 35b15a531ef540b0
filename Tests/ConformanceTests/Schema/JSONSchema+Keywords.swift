import TestSupport

extension JSONSchema {
    func apply(
        _ keyword: String,
        _ rule: WireValue,
        to value: WireValue,
        _ schema: WireValue,
        _ place: Place
    ) throws -> Outcome {
        switch keyword {
        case "$ref":
            guard let reference = rule.text else { throw TestSupportError("\(place.path): a $ref that is no text") }
            let (document, target) = try resolve(reference, in: place.document)
            return try check(value, target, Place(document: document, path: place.path, isClosed: place.isClosed))
        case "allOf", "anyOf", "oneOf", "not", "if": return try combine(keyword, rule, value, schema, place)
        case "properties", "propertyNames", "additionalProperties", "items":
            return try descend(keyword, rule, value, schema, place)
        case "then", "else", "unevaluatedProperties": return Outcome()
        default:
            guard let holds = try Self.holds(keyword, rule, value) else {
                throw TestSupportError("\(place.path): the keyword \(keyword) is not known here")
            }
            return Outcome(faults: holds ? [] : ["\(place.path): \(keyword) \(rule) does not hold for \(value)"])
        }
    }

    private func combine(
        _ keyword: String,
        _ rule: WireValue,
        _ value: WireValue,
        _ schema: WireValue,
        _ place: Place
    ) throws -> Outcome {
        switch keyword {
        case "allOf":
            var outcome = Outcome()
            for part in rule.elements { outcome.add(try check(value, part, place)) }
            return outcome
        case "not":
            let isRefused = try check(value, rule, place.open).faults.isEmpty
            return Outcome(faults: isRefused ? ["\(place.path): must not hold: \(rule)"] : [])
        case "if":
            let holds = try check(value, rule, place.open).faults.isEmpty
            return try schema[holds ? "then" : "else"].map { try check(value, $0, place) } ?? Outcome()
        default:
            let outcomes = try rule.elements.map { try check(value, $0, place) }
            let fitting = outcomes.filter(\.faults.isEmpty)
            let fits = keyword == "anyOf" ? !fitting.isEmpty : fitting.count == 1
            var outcome = Outcome(
                faults: fits ? [] : ["\(place.path): \(fitting.count) of \(keyword) hold for \(value)"]
            )
            for one in fitting { outcome.add(one) }
            return outcome
        }
    }

    private func descend(
        _ keyword: String,
        _ rule: WireValue,
        _ value: WireValue,
        _ schema: WireValue,
        _ place: Place
    ) throws -> Outcome {
        var outcome = Outcome()
        switch keyword {
        case "properties":
            for (name, part) in rule.members {
                guard let member = value[name] else { continue }
                outcome.faults += try check(member, part, place.under(name)).faults
                outcome.evaluated.insert(name)
            }
        case "propertyNames":
            for name in value.members.keys.sorted() {
                outcome.faults += try check(.string(name), rule, place.under(name)).faults
            }
        case "items":
            for (index, element) in value.elements.enumerated() {
                outcome.faults += try check(element, rule, place.under("[\(index)]")).faults
            }
        default:
            let named = schema["properties"]?.members ?? [:]
            for (name, member) in value.members where named[name] == nil {
                outcome.faults += try check(member, rule, place.under(name)).faults
                outcome.evaluated.insert(name)
            }
        }
        return outcome
    }

    /// Whether a keyword holds that looks at the value alone; nil where there is no such keyword.
    private static func holds(_ keyword: String, _ rule: WireValue, _ value: WireValue) throws -> Bool? {
        let bound = rule.number ?? 0
        switch keyword {
        case "type": return isOf(type: rule.text ?? "", value)
        case "enum": return rule.elements.contains(value)
        case "const": return rule == value
        case "required": return value.isNoObject || rule.elements.allSatisfy { value[$0.text ?? ""] != nil }
        case "minimum": return value.number.map { $0 >= bound } ?? true
        case "maximum": return value.number.map { $0 <= bound } ?? true
        case "minLength": return value.text.map { Double($0.unicodeScalars.count) >= bound } ?? true
        case "maxLength": return value.text.map { Double($0.unicodeScalars.count) <= bound } ?? true
        case "minItems": return value.isNoArray || Double(value.elements.count) >= bound
        case "maxItems": return value.isNoArray || Double(value.elements.count) <= bound
        case "maxProperties": return value.isNoObject || Double(value.members.count) <= bound
        case "pattern":
            let pattern = try Regex(rule.text ?? "").matchingSemantics(.unicodeScalar)
            return try value.text.map { try pattern.firstMatch(in: $0) != nil } ?? true
        default: return nil
        }
    }

    private static func isOf(type: String, _ value: WireValue) -> Bool {
        switch value {
        case .null: type == "null"
        case .bool: type == "boolean"
        case .integer: type == "integer" || type == "number"
        case .real: type == "number"
        case .string: type == "string"
        case .array: type == "array"
        case .object: type == "object"
        }
    }
}

extension WireValue {
    fileprivate var isNoObject: Bool {
        if case .object = self { false } else { true }
    }

    fileprivate var isNoArray: Bool {
        if case .array = self { false } else { true }
    }
}
