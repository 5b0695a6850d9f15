import Glibc
import LiveSources
import NodeConnections
import Payouts
import SV2Roles
import TOMLNodes

/// Reads a pool's configuration from TOML. ``example`` shows and explains every key.
public enum HouseFile {
    /// Bytes; far more than all keys take.
    public static let maximumSize = 1 << 16

    /// Reads a file. What in it is a path is taken from the file's folder, unless it begins with `/`.
    public static func configuration(file path: String) throws(HouseFileFault) -> HouseConfiguration {
        do throws(HouseFileFault.Reason) {
            let (bytes, mode) = try contents(of: path)
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText }
            let configuration = try HouseFile.configuration(toml: text, folder: folder(of: path))
            if mode & 0o077 != 0, configuration.holdsPassword { throw .tooOpen(mode: mode) }
            return configuration
        } catch {
            throw HouseFileFault(file: path, reason: error)
        }
    }

    /// - Parameter folder: where relative paths begin.
    static func configuration(
        toml text: String, folder: String
    ) throws(HouseFileFault.Reason) -> HouseConfiguration {
        let root: TOMLNode
        do throws(TOMLFault) {
            root = try TOMLNode(parsing: text)
        } catch {
            switch error {
            case .syntax(let what, let line, let column): throw .syntax(what, line: line, column: column)
            case .unreadable(let what): throw .syntax(what, line: 1, column: 1)
            }
        }
        return try HouseReader(root, lines: KeyLines(text), folder: folder).configuration()
    }

    private static func contents(
        of path: String
    ) throws(HouseFileFault.Reason) -> (bytes: [UInt8], mode: UInt32) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(errno: errno) }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw .unreadable(errno: errno) }
        guard facts.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(errno: facts.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
        }
        guard facts.st_size <= maximumSize else { throw .tooLarge(limit: maximumSize) }
        var bytes = [UInt8](repeating: 0, count: maximumSize + 1)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw .unreadable(errno: errno) }
        guard count <= maximumSize else { throw .tooLarge(limit: maximumSize) }
        return (Array(bytes.prefix(count)), facts.st_mode & 0o777)
    }
}

extension HouseConfiguration {
    /// Whether the file says how to log in at a node.
    fileprivate var holdsPassword: Bool {
        guard case .live(let sources) = nodes else { return false }
        return sources.contains {
            if case .node(let endpoint) = $0, case .password = endpoint.credentials { true } else { false }
        }
    }
}

/// Where a file is: what stands before the last `/`.
func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Reads the tables of a configuration. Everything that can be wrong is said with its key and, where that can be found,
/// its line.
private struct HouseReader {
    typealias Reason = HouseFileFault.Reason

    static let known = KnownKeys([
        "": ["listen", "pool", "nodes", "modes", "limits", "ledger"],
        "listen": ["mining", "declaration", "all_interfaces"],
        "pool": [
            "authority_key", "payout", "network", "payout_percent", "fee_percent", "tag",
            "shares_per_minute",
        ],
        "nodes": ["sources", "recording"],
        "modes": ["own_jobs", "full_template", "coinbase_only", "base_template"],
        "limits": ["connections", "channels", "late_share_seconds"],
        "ledger": ["path"],
    ])

    private let tables: [String: [String: TOMLNode]]
    private let lines: KeyLines
    private let folder: String

    init(_ root: TOMLNode, lines: KeyLines, folder: String) throws(Reason) {
        self.lines = lines
        self.folder = folder
        guard case .table(let top) = root else { throw .notText }
        var tables: [String: [String: TOMLNode]] = [:]
        for name in top.keys.sorted() {
            try Self.check([name], in: "", lines)
            guard let node = top[name], case .table(let table) = node else {
                throw .wrongType(
                    name, found: top[name]?.kind ?? "", wanted: "a table: [\(name)]", line: lines[name])
            }
            try Self.check(Array(table.keys), in: name, lines)
            tables[name] = table
        }
        self.tables = tables
    }

    private static func check(_ keys: [String], in table: String, _ lines: KeyLines) throws(Reason) {
        guard let stranger = known.stranger(among: keys, in: table) else { return }
        let nearest = known.nearest(to: stranger, in: table)
        let path = table.isEmpty ? stranger : "\(table).\(stranger)"
        throw .unknownKey(
            path, nearest: nearest.table.isEmpty ? "[\(nearest.key)]" : "\(nearest.table).\(nearest.key)",
            line: lines[path])
    }

    func configuration() throws(Reason) -> HouseConfiguration {
        let network = try self.network()
        let payout = try required("pool.payout", text("pool.payout"), "the address that blocks pay to")
        var result = HouseConfiguration(
            authorityKey: try path(
                required(
                    "pool.authority_key", text("pool.authority_key"), "the file that adit pool keygen made")
            ), network: network, payout: payout, payoutScript: try script(payout, network),
            nodes: try nodes(), ledger: try path(text("ledger.path") ?? "shares.db"))
        if let listen = try listen("listen.mining") { result.mining = listen }
        if let listen = try listen("listen.declaration") { result.declaration = listen }
        if let flag = try flag("listen.all_interfaces") { result.allInterfaces = flag }
        if let percent = try number("pool.payout_percent", 0...100) {
            result.payoutShare = UInt32((percent * 10_000).rounded())
        }
        if let percent = try number("pool.fee_percent", 0...50) {
            result.feeBasisPoints = Int((percent * 100).rounded())
        }
        if let tag = try text("pool.tag") { result.tag = try checked(tag: tag) }
        if let rate = try number("pool.shares_per_minute", 0.1...600) { result.sharesPerMinute = rate }
        if let flag = try flag("modes.own_jobs") { result.modes.ownJobs = flag }
        if let flag = try flag("modes.full_template") { result.modes.fullTemplate = flag }
        if let flag = try flag("modes.coinbase_only") { result.modes.coinbaseOnly = flag }
        result.modes.baseTemplate = try flag("modes.base_template") ?? result.modes.declares
        if let count = try whole("limits.connections", 1...4_096) { result.maximumConnections = count }
        if let count = try whole("limits.channels", 1...65_536) { result.maximumChannels = count }
        if let seconds = try number("limits.late_share_seconds", 0...60) { result.lateShareSeconds = seconds }
        return result
    }

    // MARK: Meanings

    private func network() throws(Reason) -> BitcoinNetwork {
        let key = "pool.network"
        switch try text(key) {
        case nil, "main": return .main
        case "test", "testnet", "testnet4", "signet": return .test
        case "regtest": return .regtest
        case let other?:
            throw .value(
                key, shown: other, wanted: "main, test, testnet4, signet or regtest", line: lines[key])
        }
    }

    private func script(_ payout: String, _ network: BitcoinNetwork) throws(Reason) -> [UInt8] {
        let key = "pool.payout"
        let descriptor: PayoutDescriptor
        do throws(DescriptorFault) {
            descriptor = try PayoutDescriptor(addressOrDescriptor: payout, on: network)
        } catch {
            throw .payout(key, "\(error)", line: lines[key])
        }
        guard !descriptor.isRanged, let script = descriptor.script() else {
            throw .payout(
                key,
                "it stands for many addresses, and a pool pays one: write one of them, or an index for the *",
                line: lines[key])
        }
        return script
    }

    private func nodes() throws(Reason) -> HouseConfiguration.Nodes {
        let key = "nodes.sources"
        let recording = try text("nodes.recording")
        guard let node = self["nodes.sources"] else {
            guard let recording else { throw .noNode }
            return .recording(path: try path(recording))
        }
        guard recording == nil else { throw .twice(key, "nodes.recording") }
        guard case .array(let list) = node else { throw wrongType(key, node, "a list of texts") }
        guard !list.isEmpty else { throw .noNode }
        guard list.count <= LiveNodes.maximumNodes else {
            throw .value(
                key, shown: "\(list.count) sources", wanted: "at most \(LiveNodes.maximumNodes)",
                line: lines[key])
        }
        var sources: [SourceAddress] = []
        for (index, node) in list.enumerated() {
            let place = "\(key)[\(index)]"
            guard case .text(let source) = node else { throw wrongType(place, node, "text in quotes") }
            do throws(SourceAddressFault) {
                sources.append(try SourceAddress(source))
            } catch {
                throw .source(place, "\(error)", line: lines[key])
            }
            if case .node = sources[index] { continue }
            throw .source(
                place,
                "\(sources[index].shown) is no node's address; a pool needs nodes, which judge and take blocks: node: or "
                    + "http://USER:PASSWORD@HOST:PORT",
                line: lines[key])
        }
        return .live(sources)
    }

    private func checked(tag: String) throws(Reason) -> String {
        guard tag.utf8.count <= OwnJobs.maximumTagSize, tag.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else {
            throw .value(
                "pool.tag", shown: tag,
                wanted: "at most \(OwnJobs.maximumTagSize) printable ASCII characters",
                line: lines["pool.tag"])
        }
        return tag
    }

    /// `HOST:PORT`, `[ADDRESS]:PORT` for IPv6.
    private func listen(_ key: String) throws(Reason) -> HouseConfiguration.Listen? {
        guard let text = try text(key) else { return nil }
        let wrong = Reason.value(
            key, shown: text, wanted: "an address and a port, as 127.0.0.1:3336 or [::1]:3336",
            line: lines[key])
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw wrong }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw wrong
        }
        guard host.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { throw wrong }
        return HouseConfiguration.Listen(host: String(host), port: port)
    }

    private func path(_ text: String) throws(Reason) -> String {
        guard !text.isEmpty, !text.utf8.contains(0) else {
            throw .value("a path", shown: text, wanted: "the name of a file", line: nil)
        }
        return text.hasPrefix("/") || folder == "." ? text : "\(folder)/\(text)"
    }

    // MARK: Types

    private subscript(key: String) -> TOMLNode? {
        guard let dot = key.firstIndex(of: ".") else { return nil }
        return tables[String(key[..<dot])]?[String(key[key.index(after: dot)...])]
    }

    private func required(_ key: String, _ value: String?, _ what: String) throws(Reason) -> String {
        guard let value else { throw .missing(key, what: what) }
        return value
    }

    private func text(_ key: String) throws(Reason) -> String? {
        guard let node = self[key] else { return nil }
        guard case .text(let text) = node else { throw wrongType(key, node, "text in quotes") }
        return text
    }

    private func flag(_ key: String) throws(Reason) -> Bool? {
        guard let node = self[key] else { return nil }
        guard case .flag(let flag) = node else { throw wrongType(key, node, "true or false") }
        return flag
    }

    private func whole(_ key: String, _ range: ClosedRange<Int>) throws(Reason) -> Int? {
        guard let node = self[key] else { return nil }
        guard case .integer(let value) = node else { throw wrongType(key, node, "a whole number") }
        guard range.contains(value) else {
            throw .value(
                key, shown: "\(value)", wanted: "\(range.lowerBound) to \(range.upperBound)", line: lines[key]
            )
        }
        return value
    }

    private func number(_ key: String, _ range: ClosedRange<Double>) throws(Reason) -> Double? {
        guard let node = self[key] else { return nil }
        let value: Double
        switch node {
        case .integer(let whole): value = Double(whole)
        case .number(let number): value = number
        case .table, .array, .text, .flag, .time: throw wrongType(key, node, "a number")
        }
        guard range.contains(value) else {
            throw .value(
                key, shown: "\(value)", wanted: "\(range.lowerBound) to \(range.upperBound)", line: lines[key]
            )
        }
        return value
    }

    private func wrongType(_ key: String, _ node: TOMLNode, _ wanted: String) -> Reason {
        .wrongType(key, found: node.kind, wanted: wanted, line: lines[key])
    }
}
