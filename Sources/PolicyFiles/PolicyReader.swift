import BitcoinPrimitives
import Payouts
import TOMLNodes
import TemplatePolicies

/// Reads the tables of a policy document into rules.
struct PolicyReader {
    static let known = KnownKeys([
        "": ["minimum_rate", "include", "exclude", "prioritise"],
        "include": ["txids"],
        "exclude": [
            "txids", "wtxids", "addresses", "scripts", "op_return_above", "inscriptions", "vsize_above",
        ],
    ])

    let network: BitcoinNetwork?
    let lines: KeyLines
    var rules: PolicyRules

    init(source: String, text: String, network: BitcoinNetwork?) {
        self.network = network
        lines = KeyLines(text)
        rules = PolicyRules(source: source)
    }

    mutating func read(_ root: TOMLNode) throws(PolicyFileFault.Reason) {
        let root = try table(root, at: "")
        if let node = root["minimum_rate"] { try readRate(node) }
        if let node = root["include"] { try readIncluded(try table(node, at: "include")) }
        if let node = root["exclude"] { try readExcluded(try table(node, at: "exclude")) }
        if let node = root["prioritise"] { try readDeltas(node) }
        if let conflict = rules.conflicts.first {
            throw .conflict(conflict.txid, included: conflict.included, excluded: conflict.excluded)
        }
    }

    // MARK: Tables

    private mutating func readRate(_ node: TOMLNode) throws(PolicyFileFault.Reason) {
        let path = "minimum_rate"
        let value: Double
        switch node {
        case .integer(let whole): value = Double(whole)
        case .number(let number): value = number
        case .table, .array, .text, .flag, .time:
            throw wrongType(path, node, wanted: "a number of satoshis per virtual byte")
        }
        guard value >= 0, value <= 1_000_000 else {
            throw .outOfRange(
                path, value: "\(value)", allowed: "0 to 1000000 satoshis per virtual byte",
                line: lines[path])
        }
        let thousandths = (value * 1_000).rounded()
        guard (value * 1_000 - thousandths).magnitude < 1e-6 * Swift.max(1, value) else {
            throw .tooManyDecimals(path, value: "\(value)", line: lines[path])
        }
        guard thousandths > 0 else { return }
        rules.minimumRate = .init(PolicyRate(millisatoshisPerVirtualByte: UInt64(thousandths)), at: path)
    }

    private mutating func readIncluded(_ table: [String: TOMLNode]) throws(PolicyFileFault.Reason) {
        for (path, hash) in try hashes(table["txids"], at: "include.txids") {
            try note(path, as: Txid(hash), in: &rules.included)
        }
    }

    private mutating func readExcluded(_ table: [String: TOMLNode]) throws(PolicyFileFault.Reason) {
        for (path, hash) in try hashes(table["txids"], at: "exclude.txids") {
            try note(path, as: Txid(hash), in: &rules.excludedTxids)
        }
        for (path, hash) in try hashes(table["wtxids"], at: "exclude.wtxids") {
            try note(path, as: Wtxid(hash), in: &rules.excludedWtxids)
        }
        for (path, text) in try texts(table["addresses"], at: "exclude.addresses") {
            try note(path, as: try script(ofAddress: text, at: path), in: &rules.excludedScripts)
        }
        for (path, text) in try texts(table["scripts"], at: "exclude.scripts") {
            guard let script = [UInt8](hex: text), (1...10_000).contains(script.count) else {
                throw .notAScript(path, line: lines[path])
            }
            try note(path, as: script, in: &rules.excludedScripts)
        }
        if let node = table["op_return_above"] {
            let path = "exclude.op_return_above"
            rules.longestReturn = .init(try count(node, at: path, upTo: 4_000_000), at: path)
        }
        if let node = table["inscriptions"] {
            let path = "exclude.inscriptions"
            guard case .flag(let isOn) = node else {
                throw wrongType(path, node, wanted: "true or false")
            }
            rules.inscriptionsExcludedAt = isOn ? path : nil
        }
        if let node = table["vsize_above"] {
            let path = "exclude.vsize_above"
            rules.largestVirtualSize = .init(UInt64(try count(node, at: path, upTo: 1_000_000)), at: path)
        }
    }

    private mutating func readDeltas(_ node: TOMLNode) throws(PolicyFileFault.Reason) {
        guard case .table(let table) = node else {
            throw wrongType("prioritise", node, wanted: "a table of transaction ids and satoshis")
        }
        try checkCount(table.count, at: "prioritise")
        for (key, node) in table.sorted(by: { $0.key < $1.key }) {
            let path = "prioritise.\(key)"
            guard let hash = Hash256(displayHex: key) else {
                throw .notAnID(path, text: key, line: lines[path])
            }
            guard case .integer(let delta) = node else {
                throw wrongType(path, node, wanted: "a whole number of satoshis, negative to put it back")
            }
            guard delta.magnitude <= 100_000_000_000_000 else {
                throw .outOfRange(
                    path, value: "\(delta)", allowed: "at most 100000000000000 satoshis up or down",
                    line: lines[path])
            }
            if let other = rules.feeDeltas[Txid(hash)] { throw .twice(other.path, path) }
            rules.feeDeltas[Txid(hash)] = .init(Int64(delta), at: path)
        }
    }

    // MARK: Values

    private static func path(_ key: String, in table: String) -> String {
        table.isEmpty ? key : "\(table).\(key)"
    }

    /// A table all of whose keys are known.
    private func table(
        _ node: TOMLNode, at path: String
    ) throws(PolicyFileFault.Reason) -> [String: TOMLNode] {
        guard case .table(let table) = node else { throw wrongType(path, node, wanted: "a table") }
        if let stranger = Self.known.stranger(among: table.keys, in: path) {
            let nearest = Self.known.nearest(to: stranger, in: path)
            let full = Self.path(stranger, in: path)
            throw .unknownKey(full, nearest: Self.path(nearest.key, in: nearest.table), line: lines[full])
        }
        return table
    }

    private func hashes(
        _ node: TOMLNode?, at path: String
    ) throws(PolicyFileFault.Reason) -> [(path: String, hash: Hash256)] {
        var result = [(path: String, hash: Hash256)]()
        for (path, text) in try texts(node, at: path) {
            guard let hash = Hash256(displayHex: text) else {
                throw .notAnID(path, text: text, line: lines[path])
            }
            result.append((path, hash))
        }
        return result
    }

    private func texts(
        _ node: TOMLNode?, at path: String
    ) throws(PolicyFileFault.Reason) -> [(path: String, text: String)] {
        guard let node else { return [] }
        guard case .array(let items) = node else { throw wrongType(path, node, wanted: "an array of text") }
        try checkCount(items.count, at: path)
        var result = [(path: String, text: String)]()
        for (index, item) in items.enumerated() {
            let place = "\(path)[\(index)]"
            guard case .text(let text) = item else { throw wrongType(place, item, wanted: "text") }
            result.append((place, text))
        }
        return result
    }

    private func count(
        _ node: TOMLNode, at path: String, upTo limit: Int
    ) throws(PolicyFileFault.Reason) -> Int {
        guard case .integer(let value) = node else { throw wrongType(path, node, wanted: "a whole number") }
        guard (0...limit).contains(value) else {
            throw .outOfRange(path, value: "\(value)", allowed: "0 to \(limit)", line: lines[path])
        }
        return value
    }

    private func script(
        ofAddress text: String, at path: String
    ) throws(PolicyFileFault.Reason) -> [UInt8] {
        do throws(AddressFault) {
            // What comes later may have addresses of versions that we know nothing of: leaving them out is safe.
            guard let network else { return try PayoutAddress(text, allowingUnknownWitness: true).script }
            return try PayoutAddress(text, on: network, allowingUnknownWitness: true).script
        } catch {
            throw .address(path, text: text, error, line: lines[path])
        }
    }

    private func note<Key: Hashable>(
        _ path: String, as key: Key, in places: inout [Key: String]
    ) throws(PolicyFileFault.Reason) {
        if let other = places[key] { throw .twice(other, path) }
        places[key] = path
    }

    private func checkCount(_ count: Int, at path: String) throws(PolicyFileFault.Reason) {
        guard count <= PolicyRules.maximumList else {
            throw .tooMany(path, count: count, limit: PolicyRules.maximumList)
        }
    }

    private func wrongType(_ path: String, _ node: TOMLNode, wanted: String) -> PolicyFileFault.Reason {
        .wrongType(path, found: node.kind, wanted: wanted, line: lines[path])
    }
}
