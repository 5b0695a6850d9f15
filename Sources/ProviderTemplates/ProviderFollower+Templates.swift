import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Units

// What the client makes of the provider's messages, and what is believed of it.

extension ProviderFollower {
    mutating func perform(
        _ action: TemplateDistributionClient.Action, _ number: UInt64, _ now: Instant,
        _ actions: inout [Action]
    ) {
        guard case .up(let session) = state, session.number == number else { return }  // it was just left
        switch action {
        case .send(let message):
            if case .requestTransactionData = message { change { $0.askedForDataAt = now } }
            actions.append(.send(number, message))
        case .active(let template): take(template, number, now, &actions)
        case .transactions(let templateId, _): finish(templateId, now, &actions)
        case .tipWithoutTemplate(let newTip):
            change { ($0.believed, $0.heldBack) = ([], nil) }
            tip = nil
            actions.append(.publish(.tipWithoutTemplate(previousBlock: newTip.previousBlock)))
        case .withdrawn(let templateId):
            // Of a future one nobody was told.
            guard session.believed.contains(templateId) else { return }
            change { $0.believed.removeAll { $0 == templateId } }
            actions.append(
                .publish(.withdrawn(ProviderTemplateID(connection: number, templateId: templateId))))
        case .refused(let templateId, let defect?):
            leave(.badTemplate(templateId: templateId, defect), now, &actions)
        case .mistrusted(let doubt):
            change {
                $0.doubt = .mistrusted(doubt)
                $0.beforeDoubt = $0.believed
            }
        case .stillWaiting:
            let patience = configuration.deadline
            change { $0.doubt = .noTemplate(after: patience) }
        case .failed(let fault): leave(trouble(fault), now, &actions)
        case .future, .refused(_, nil), .solutionNotSent, .reconnectAsked, .ignored, .wake:
            // A doubt follows a refusal without defect; a provider is where the operator says, not elsewhere.
            break
        }
    }

    private func trouble(_ fault: TemplateDistributionFault) -> ProviderTrouble {
        switch fault {
        case .deadline(.setup): .stalled(.setup, after: configuration.deadline)
        case .deadline(.transactionData): .stalled(.transactionData, after: configuration.patience)
        case .setupRefused(_, let errorCode): .refused(errorCode: errorCode.description)
        case .version(let version): .version(version)
        case .badTip(let nBits): .badTip(nBits: nBits)
        case .outOfSync(let doubt): .outOfSync(doubt)
        }
    }

    private mutating func take(
        _ template: ActiveTemplate, _ number: UInt64, _ now: Instant, _ actions: inout [Action]
    ) {
        let previousBlock = template.tip.previousBlock
        let isNewTip = previousBlock != tip
        if isNewTip, let height, template.template.height < height {
            change {
                if $0.heldBack?.previousBlock != previousBlock { $0.heldBack = (previousBlock, now) }
                $0.believed = []
                $0.doubt = .oldTip(height: template.template.height, known: height)
            }
            return
        }
        change {
            if isNewTip { $0.believed = [] }
            if $0.believed.count == TemplateDistributionClient.maximumActive { $0.believed.removeFirst() }
            $0.believed.append(template.templateId)
            $0.heldBack = nil
        }
        height = template.template.height
        if isNewTip {
            tip = previousBlock
            let id = ProviderTemplateID(connection: number, templateId: template.templateId)
            let offer = ProviderOffer(id: id, template: template.template, tip: template.tip)
            actions.append(.publish(.tip(offer)))
        }
        if template.transactions != nil { finish(template.templateId, now, &actions) }
    }

    /// A tip that stays is one to which the node was told to go back.
    mutating func believeLowerTip(_ now: Instant, _ actions: inout [Action]) {
        guard case .up(let session) = state, let heldBack = session.heldBack,
            now >= heldBack.since + configuration.rollback
        else { return }
        height = nil
        change { $0.heldBack = nil }
        guard let current = session.client.current else { return }
        take(current, session.number, now, &actions)
    }

    /// Checks a template whose transactions are there, and publishes it unless a newer one was.
    private mutating func finish(_ templateId: UInt64, _ now: Instant, _ actions: inout [Action]) {
        guard case .up(let session) = state, let position = session.believed.firstIndex(of: templateId),
            let active = session.client.activeTemplate(templateId), active.transactions != nil
        else { return }
        if let published = session.published, let newer = session.believed.firstIndex(of: published),
            newer >= position
        {
            return
        }
        do throws(TemplateContradiction) {
            let template = try FinishedTemplate(
                active, connection: session.number, schedule: configuration.schedule)
            change {
                $0.published = templateId
                $0.servesSince = $0.servesSince ?? now
                if !$0.beforeDoubt.contains(templateId) { ($0.doubt, $0.beforeDoubt) = (nil, []) }
            }
            lost = nil
            actions.append(.publish(.template(template)))
        } catch {
            let id = ProviderTemplateID(connection: session.number, templateId: templateId)
            actions.append(.publish(.withdrawn(id)))
            leave(.contradiction(templateId: templateId, error), now, &actions)
        }
    }
}
