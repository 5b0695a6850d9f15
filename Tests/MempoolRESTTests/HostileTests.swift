import BitcoinPrimitives
import NodeRPC
import Testing
import Units

@testable import MempoolREST

@Suite struct HostileTests {
    private func refusal(_ told: Told, as txid: Txid? = nil, _ change: (String) -> String)
        -> CandidateRefusal?
    {
        do throws(ServedFault) {
            let served = try ServedTransaction(Array(change(told.json()).utf8))
            do throws(CandidateRefusal) {
                _ = try served.checked(as: txid ?? told.txid)
                return nil
            } catch {
                return error
            }
        } catch {
            return .unreadable(error)
        }
    }

    @Test func `every figure that is not so is named with the right one`() {
        let told = Told.make(1, fee: 900)
        let size = told.transaction.wireBytes.count
        let weight = told.transaction.weight
        #expect(refusal(told) { $0 } == nil)
        #expect(
            refusal(told) { $0.replacing("\"fee\":900", with: "\"fee\":901") }
                == .feeDiffers(stated: 901, actual: Satoshis(rawValue: 900)))
        #expect(
            refusal(told) { $0.replacing("\"size\":\(size)", with: "\"size\":\(size + 1)") }
                == .sizeDiffers(stated: size + 1, actual: size))
        #expect(
            refusal(told) {
                $0.replacing("\"weight\":\(weight.weightUnits)", with: "\"weight\":\(weight.weightUnits - 1)")
            }
                == .weightDiffers(
                    stated: Weight(weightUnits: weight.weightUnits - 1), actual: weight))
        #expect(
            refusal(told) { $0.replacing("\"sigops\":1", with: "\"sigops\":0") }
                == .sigopsDiffer(stated: 0, actual: 1))
    }

    @Test func `another transaction, and one that was changed, are not the one that was asked for`() {
        let (told, other) = (Told.make(1), Told.make(2))
        #expect(refusal(told, as: other.txid) { $0 } == .txidDiffers(actual: told.txid))
        let changed = refusal(told) { $0.replacing("\"locktime\":1", with: "\"locktime\":9") }
        guard case .txidDiffers? = changed else {
            Issue.record("\(String(describing: changed))")
            return
        }
    }

    @Test func `a changed witness shows in size and weight, a changed spent amount in the fee`() {
        let told = Told.make(1)
        let longer = refusal(told) { $0.replacing("\"witness\":[\"", with: "\"witness\":[\"00") }
        let size = told.transaction.wireBytes.count
        #expect(longer == .sizeDiffers(stated: size, actual: size + 1))
        let richer = refusal(told) { $0.replacing("\"value\":1000000}", with: "\"value\":1000001}") }
        #expect(richer == .feeDiffers(stated: 1_000, actual: Satoshis(rawValue: 1_001)))
    }

    @Test func `impossible amounts are refused before they are added up`() {
        let told = Told.make(1)
        for value in ["2100000000000001", "10000000000000000000"] {
            #expect(
                refusal(told) { $0.replacing("\"value\":1000000}", with: "\"value\":\(value)}") }
                    == .amountOutOfRange)
        }
        #expect(refusal(told) { $0.replacing("\"value\":1000000}", with: "\"value\":5}") } == .createsMoney)
        #expect(
            refusal(told) { $0.replacing("\"value\":1000000}", with: "\"value\":-5}") }.map(\.kind)
                == .unreadable)
    }

    @Test func `a coinbase, no inputs, and an unknown spent output are refused`() {
        let told = Told.make(1)
        #expect(
            refusal(told) { $0.replacing("\"is_coinbase\":false", with: "\"is_coinbase\":true") } == .coinbase
        )
        #expect(
            refusal(told) { $0.replacing("\"prevout\":{", with: "\"prevout\":null,\"was\":{") }
                == .spentOutputMissing(input: 0))
        var twice = told
        twice.transaction.inputs.append(twice.transaction.inputs[0])
        twice.spent.append(twice.spent[0])
        #expect(refusal(twice) { $0 } == .spendsTwice(told.transaction.inputs[0].previousOutput))
        var bare = told
        (bare.transaction.inputs, bare.transaction.outputs, bare.spent) = ([], [], [])
        #expect(refusal(bare) { $0 } == .empty)
    }

    @Test func `members that come twice, are missing, or are of another kind are named`() {
        let told = Told.make(1)
        #expect(
            refusal(told) { $0.replacing("\"fee\":", with: "\"fee\":1,\"fee\":") }
                == .unreadable(.fieldTwice("fee")))
        #expect(
            refusal(told) { $0.replacing("\"vin\":", with: "\"win\":") }
                == .unreadable(.missing(field: "vin")))
        #expect(
            refusal(told) { $0.replacing("\"fee\":1000", with: "\"fee\":null") }
                == .unreadable(.missing(field: "fee")))
        #expect(refusal(told) { $0 + "x" }.map(\.kind) == .unreadable)
    }

    @Test func `whatever is changed, what is taken is the transaction that was asked for, at its true fee`() {
        var chance = SplitMix64(seed: 11)
        let told = Told.make(1, fee: 900)
        let text = Array(told.json().utf8)
        var taken = 0
        for _ in 0..<1_500 {
            var bytes = text
            for _ in 0...(chance.next() % 3) {
                let place = Int(chance.next() % UInt64(bytes.count))
                switch chance.next() % 4 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: chance.next())
                case 1: bytes[place] = Array("0123456789abcdef{}[],:\"".utf8)[Int(chance.next() % 23)]
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int(chance.next() % 9)))
                default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 7)], at: place)
                }
            }
            guard let served = try? ServedTransaction(bytes), let checked = try? served.checked(as: told.txid)
            else {
                continue
            }
            taken += 1
            #expect(checked.txid == told.txid && checked.fee.rawValue == served.fee)
            #expect(checked.transaction.strippedBytes == told.transaction.strippedBytes)
        }
        #expect(taken > 0)
    }

    @Test func `answers of any bytes to any question never stop a follower`() {
        var chance = SplitMix64(seed: 12)
        var service = Service()
        service.pool = (0..<20).map { Told.make($0) }
        var world = FollowerWorld(service, .init())
        for round in 0..<160 {
            let seed = chance.next()
            world.service.pool.append(Told.make(100 + round))
            world.service.override = { _ in nil }
            let good = world.service
            world.service.override = { request in
                var chance = SplitMix64(seed: seed &+ request.id)
                var answer = good.answer(request)
                if chance.next() % 2 == 0 { return nil }
                if !answer.body.isEmpty {
                    let place = Int(chance.next() % UInt64(answer.body.count))
                    answer.body[place] = UInt8(truncatingIfNeeded: chance.next())
                    if chance.next() % 2 == 0 { answer.body.removeLast(place) }
                }
                if chance.next() % 9 == 0 { answer.status = Int(chance.next() % 700) }
                return answer
            }
            world.run(for: .seconds(Int(chance.next() % 30)))
            if round % 40 == 39 {
                world.service.override = { _ in nil }
                world.run(for: .seconds(900))
                #expect(world.healths.last == .following)
            }
        }
        #expect(world.broken.isEmpty, "\(world.broken.prefix(3))")
        #expect(world.follower.snapshot().refusals.values.reduce(0, +) > 0)
    }
}
