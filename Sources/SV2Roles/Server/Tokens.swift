import BitcoinPrimitives
import Units

/// The tokens of one job declarator: handed out, in use by a declaration, or standing for an accepted one.
///
/// A token is its number and a keyed hash, 24 bytes: nobody guesses one. Each connection holds a bounded
/// number of each kind, and they go with it. Source: sv2-notes §8.2.
struct Tokens: Sendable {
    enum Holding: Sendable {
        case allocated(DeclarationMode)
        /// A declaration that is not finished.
        case declaring
        case declared(DeclaredJob)
        /// A declaration for a tip that is gone.
        case stale

        fileprivate var isAllocated: Bool { if case .allocated = self { true } else { false } }
    }

    private struct Entry: Sendable {
        let owner: ConnectionID
        var until: Instant
        var holding: Holding
    }

    /// Of all kinds and connections.
    var count: Int { entries.count }

    private let seed: UInt64
    private var lastNumber: UInt64 = 0
    private var entries: [[UInt8]: Entry] = [:]
    private var byOwner: [ConnectionID: [[UInt8]]] = [:]  // oldest first

    init(seed: UInt64) { self.seed = seed }

    /// A token for a declaration, or in coinbase-only mode for a custom job. - Parameter limit: of such tokens on this
    /// connection; the oldest goes beyond.
    mutating func allocate(
        for owner: ConnectionID, _ mode: DeclarationMode, until: Instant, limit: Int
    ) -> [UInt8] {
        insert(.allocated(mode), owner: owner, until: until, limit: limit)
    }

    /// A token for a custom job.
    mutating func insert(_ job: DeclaredJob, for owner: ConnectionID, until: Instant, limit: Int) -> [UInt8] {
        insert(.declared(job), owner: owner, until: until, limit: limit)
    }

    /// Uses up a token of this connection that is for a declaration; false when it is not one.
    mutating func beginDeclaration(_ token: [UInt8], by owner: ConnectionID, at now: Instant) -> Bool {
        guard let entry = entries[token], entry.owner == owner, case .allocated(.fullTemplate) = entry.holding
        else {
            return false
        }
        guard now < entry.until else {
            remove(token)
            return false
        }
        entries[token]?.holding = .declaring
        return true
    }

    mutating func endDeclaration(_ token: [UInt8]) { remove(token) }

    /// What stands behind the token of a custom job, which whoever knows it may use, once. Source: sv2-notes
    /// §8.5.
    mutating func use(_ token: [UInt8], at now: Instant) -> Holding? {
        guard let entry = entries[token] else { return nil }
        switch entry.holding {
        case .allocated(.fullTemplate): return nil  // not for this purpose; it stays what it is
        case .declaring: return .declaring
        case .allocated(.coinbaseOnly), .declared, .stale:
            remove(token)
            return now < entry.until ? entry.holding : nil
        }
    }

    mutating func removeAll(of owner: ConnectionID) {
        for token in byOwner.removeValue(forKey: owner) ?? [] { entries[token] = nil }
    }

    mutating func leaveTip() {
        for (token, entry) in entries {
            if case .declared = entry.holding { entries[token]?.holding = .stale }
        }
    }

    private mutating func insert(_ holding: Holding, owner: ConnectionID, until: Instant, limit: Int)
        -> [UInt8]
    {
        var tokens = byOwner[owner] ?? []
        let alike = tokens.filter { token in
            guard let other = entries[token]?.holding else { return false }
            switch other {
            case .allocated: return holding.isAllocated
            case .declared, .stale: return !holding.isAllocated
            case .declaring: return false  // bounded with the declarations under way
            }
        }
        if alike.count >= limit, let oldest = alike.first {
            entries[oldest] = nil
            tokens.removeAll { $0 == oldest }
        }
        let token = newToken()
        tokens.append(token)
        byOwner[owner] = tokens
        entries[token] = Entry(owner: owner, until: until, holding: holding)
        return token
    }

    private mutating func remove(_ token: [UInt8]) {
        guard let entry = entries.removeValue(forKey: token) else { return }
        byOwner[entry.owner]?.removeAll { $0 == token }
    }

    private mutating func newToken() -> [UInt8] {
        lastNumber += 1
        var key = [UInt8]()
        key.appendLittleEndian(seed)
        key.appendLittleEndian(lastNumber)
        var token = [UInt8]()
        token.appendLittleEndian(lastNumber)
        return token + sha256(key).prefix(16)
    }
}
