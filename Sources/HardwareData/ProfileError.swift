public import Boards

/// Why a board or chip file cannot be used: which file, and what is wrong in it.
public struct ProfileError: Error, Hashable, Sendable {
    /// A path, or the name of a file that the program carries.
    public let file: String
    public let problem: Problem

    /// Key paths are written as in TOML, with the index of an array's element in brackets: `power.on[3].wait_ms`.
    public enum Problem: Error, Hashable, Sendable {
        case unreadable(reason: String)
        case tooLarge(bytes: Int, limit: Int)
        case notText
        case syntax(String, line: Int, column: Int)
        case unknownBoard(String, known: [String])
        /// A board that the program knows of and cannot drive: what is missing.
        case notDrivable(String, missing: [String])
        case unknownChip(path: String, String, known: [String])
        case missingKey(String, expected: String)
        case unknownKey(String, known: [String])
        case wrongType(String, expected: String, found: String)
        case outOfBounds(String, value: String, allowed: String, why: Limit)
        case notOneOf(String, value: String, allowed: [String])
        /// Two keys that may not have the same value.
        case sameValue(String, String)
        /// Both or neither of two keys must be there.
        case goesWith(String, String)
        /// Domains in series hold the same number of chips each.
        case unevenDomains(chips: Int, domains: Int)
        case noCode(String, chipID: UInt16, supported: [UInt16])
        /// A chip file is about one model.
        case otherModel(String, chipID: UInt16, than: UInt16)
        case addressesExhausted(chips: Int)
        /// A list of power steps must have this element, here.
        case missingStep(String, step: String, place: String)
        /// A list of power steps must not have this element.
        case unwantedStep(String, why: String)
        case impossible(BoardFault, list: String)
    }

    /// Where a bound comes from.
    public enum Limit: Hashable, Sendable { case chip(String), regulator, limits, format }
}

extension ProfileError: CustomStringConvertible {
    /// A sentence for the operator: where, what, and what to do.
    public var description: String { "\(file): \(problem)" }
}

extension ProfileError.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let reason): "cannot be read (\(reason)); check the path and its permissions"
        case .tooLarge(let bytes, let limit):
            "has \(bytes) bytes, a profile has at most \(limit); is it the right file?"
        case .notText: "is not UTF-8 text; is it the right file?"
        case .syntax(let text, let line, let column):
            "line \(line), column \(column): \(text); correct the TOML there"
        case .unknownBoard(let name, let known):
            "there is no board \"\(name)\"; known: \(known.joined(separator: ", "))"
        case .notDrivable(let name, let missing):
            "the board \"\(name)\" is known, but cannot be driven: \(missing.joined(separator: "; "))"
        case .unknownChip(let path, let name, let known):
            "\(path): there is no chip \"\(name)\"; known: \(known.joined(separator: ", "))"
        case .missingKey(let path, let expected): "\(path) is missing; give it \(expected)"
        case .unknownKey(let path, let known):
            "\(path) is not a key of a profile; remove it, or use one of: \(known.joined(separator: ", "))"
        case .wrongType(let path, let expected, let found): "\(path) is \(found); give it \(expected)"
        case .outOfBounds(let path, let value, let allowed, let why):
            "\(path) = \(value) is outside \(allowed), the bounds of \(why); choose a value inside"
        case .notOneOf(let path, let value, let allowed):
            "\(path) = \"\(value)\" is not known; use one of: \(allowed.joined(separator: ", "))"
        case .sameValue(let a, let b): "\(a) and \(b) have the same value; one of them is wrong"
        case .goesWith(let a, let b): "\(a) and \(b) belong together; give both or neither"
        case .unevenDomains(let chips, let domains):
            "chain.domains = \(domains) does not divide chain.chips = \(chips); every domain has as many chips"
        case .noCode(let path, let id, let supported):
            "\(path) = \(hexText(id)) names a chip without code; supported: "
                + supported.map(hexText).joined(separator: ", ")
        case .otherModel(let path, let id, let first):
            "\(path) = \(hexText(id)) is another model's than \(hexText(first)); give it a file of its own"
        case .addressesExhausted(let chips):
            "chain.addresses has no room for chain.chips = \(chips); use a smaller stride or fewer chips"
        case .missingStep(let list, let step, let place): "\(list) needs the step \(step) \(place); add it"
        case .unwantedStep(let path, let why): "\(path) must not be there: \(why); remove it"
        case .impossible(let fault, let list): "\(list) cannot be carried out: \(fault)"
        }
    }
}

extension ProfileError.Limit: CustomStringConvertible {
    public var description: String {
        switch self {
        case .chip(let name): "the chip \(name)"
        case .regulator: "the regulator (output_minimum_volts, output_maximum_volts)"
        case .limits: "the board's own limits"
        case .format: "this key"
        }
    }
}

private func hexText(_ id: UInt16) -> String { "0x" + String(id, radix: 16) }
