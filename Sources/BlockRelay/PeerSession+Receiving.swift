import BitcoinPrimitives
import Units

extension PeerSession {
    mutating func receive(_ bytes: [UInt8], at now: Instant, _ actions: inout [Action]) {
        guard connection != nil else { return }  // came while the connection was being closed
        guard connection?.traffic.take(bytes: bytes.count, at: now) == true else {
            return giveUp(.flood(.bytes), at: now, &actions)
        }
        connection?.reader.receive(bytes)
        do {
            while let frame = try connection?.reader.next() {
                guard connection?.traffic.takeMessage(at: now) == true else {
                    return giveUp(.flood(.messages), at: now, &actions)
                }
                connection?.hasSpoken = true
                take(frame, at: now, &actions)
            }
        } catch {
            giveUp(.frame(error), at: now, &actions)
        }
    }

    private mutating func take(_ frame: Frame, at now: Instant, _ actions: inout [Action]) {
        if connection?.peer == nil, frame.command != "version" {
            return giveUp(.versionExpected(command: frame.command), at: now, &actions)
        }
        // What is large and of no use here is not even taken apart; of a compact block its header says all.
        switch frame.command {
        case "block", "blocktxn", "tx", "addr", "addrv2", "notfound": return
        case "cmpctblock":
            guard let header = Header(wireBytes: Array(frame.payload.prefix(Header.size))) else {
                return giveUp(
                    .message(command: frame.command, .truncated(offset: frame.payload.count)), at: now,
                    &actions)
            }
            return peerNamed(at: now, &actions) { $0.header == header }
        default: break  // any text may stand here
        }
        do throws(MessageFault) {
            try take(try PeerMessage(frame), at: now, &actions)
        } catch {
            giveUp(.message(command: frame.command, error), at: now, &actions)
        }
    }

    private mutating func take(
        _ message: PeerMessage, at now: Instant, _ actions: inout [Action]
    ) throws(MessageFault) {
        switch message {
        case .version(let version): introduce(version, at: now, &actions)
        case .verack:
            guard case .greeting = state else {
                return giveUp(.outOfTurn(command: "verack"), at: now, &actions)
            }
            begin(at: now, &actions)
        case .sendcmpct(let wish):
            // Other versions are not spoken, and such a wish counts for nothing (BIP 152).
            guard wish.version == 2, let connection else { return }
            self.connection?.compact = (isKnown: true, highBandwidth: wish.announce)
            if connection.compact.highBandwidth != wish.announce {
                actions.append(.notice(.highBandwidth(wish.announce)))
            }
        case .ping(let nonce): send(.pong(nonce), &actions)
        case .pong(let nonce):
            guard connection?.pendingPing?.nonce == nonce else { return }
            connection?.pendingPing = nil
            connection?.nextPing = now + configuration.pingInterval
        case .getheaders(let request):
            guard state == .ready else { return }
            answer(request, at: now, &actions)
        case .getdata(let items):
            guard state == .ready else { return }
            answer(items, at: now, &actions)
        case .getblocktxn(let request):
            guard state == .ready else { return }
            answer(request, at: now, &actions)
        case .headers(let headers):
            // The usual answer, an empty one included, costs nothing; longer ones are looked through.
            peerNamed(at: now, &actions) { block in headers.contains(block.header) }
        case .inv(let items):
            let blocks = Set(items.lazy.filter { $0.kind == InventoryItem.block }.map(\.hash))
            peerNamed(at: now, &actions) { block in blocks.contains(block.hash) }
        case .wtxidrelay, .sendaddrv2, .sendheaders, .feefilter:
            // How transactions, addresses and the peer's own blocks travel, of which we send none.
            return
        case .notfound, .block, .cmpctblock, .blocktxn, .other: return
        }
    }

    private mutating func introduce(
        _ version: VersionMessage, at now: Instant, _ actions: inout [Action]
    ) {
        guard case .greeting = state, let connection, connection.peer == nil else {
            return giveUp(.outOfTurn(command: "version"), at: now, &actions)
        }
        guard version.nonce != connection.nonce else { return giveUp(.connectedToSelf, at: now, &actions) }
        guard version.protocolVersion >= PeerSession.leastProtocolVersion else {
            return giveUp(.tooOld(protocolVersion: version.protocolVersion), at: now, &actions)
        }
        let keepsBlocks = !version.services.isDisjoint(with: [.network, .networkLimited])
        guard keepsBlocks, version.services.contains(.witness) else {
            return giveUp(.notAFullNode(version.services), at: now, &actions)
        }
        self.connection?.peer = version
        send(.verack, &actions)
    }

    private mutating func begin(at now: Instant, _ actions: inout [Action]) {
        guard let peer = connection?.peer else { preconditionFailure("verack comes after version") }
        state = .ready
        actions.append(
            .notice(.ready(userAgent: peer.printableUserAgent, protocolVersion: peer.protocolVersion)))
        // We can serve compact blocks of version 2; the peer's own may come by the slow way.
        send(.sendcmpct(SendCompact(announce: false, version: 2)), &actions)
        announceWaiting(at: now, &actions)
    }
}
