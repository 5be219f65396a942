// Sends commands: each is confirmed first, sent with the seq it was confirmed at, and followed until every router has applied it.

import { ApiError } from './api.js';
import * as commands from './commands.js';
import { confirmCommand } from './components/confirm.js';
import { percent } from './format.js';
import { namesIn, releaseId } from './release.js';

// How soon the router is asked again for how far a change is applied; an answer that says "not yet" took ten seconds already.
const AGAIN_MS = 2000;

/** The actions over an api and a store. `notices` shows their progress; `onTrouble` runs after an answer of 500 or above. */
export function createActions({ api, model, notices, onTrouble = () => {} }) {
	const sending = new Map();

	async function refreshApp(app) {
		try {
			model.takeState(await api.getApp(app));
		} catch (error) {
			if (error.status === 404) model.forget(app);
		}
	}

	/** Sends a command and shows its progress. Throws the router's refusal after it is shown. */
	async function sendCommand(app, label, send) {
		const notice = notices.post({ text: `${label} …`, busy: true });
		sending.set(app, (sending.get(app) ?? 0) + 1);
		try {
			const answer = await send();
			model.takeState(answer);
			const isPartial = Boolean(answer.applied?.missing?.length);
			notice.update({ text: `${label}: ${describeOutcome(answer)}`, tone: isPartial ? 'partial' : 'done' });
			if (isPartial) followUntilApplied(app, label, answer.seq, notice);
			return answer;
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			notice.update({ text: `${label}: ${describeFailure(error, app)}`, tone: 'bad' });
			if (error.status === 412) await refreshApp(app);
			else if (error.status >= 500) onTrouble();
			throw error;
		} finally {
			sending.set(app, sending.get(app) - 1);
		}
	}

	/** Keeps a notice in sight until every router has applied the change, a newer one has come, or the reader closes it. */
	async function followUntilApplied(app, label, seq, notice) {
		let said = null;
		while (notice.element.isConnected) {
			const waited = await api.waitApplied(app).catch(() => null);
			if (waited?.met) return notice.update({ text: `${label}: done as change ${seq}, applied on every router.`, tone: 'done' });
			const text = waited?.waiting_for.length
				? `${label}: change ${seq} is not applied everywhere: ${waited.waiting_for.join('; ')}.`
				: null;
			if (text && text !== said) notice.update({ text, tone: 'partial' });
			said = text ?? said;
			await new Promise((go) => {
				setTimeout(go, AGAIN_MS);
			});
		}
	}

	/** Asks who would move. With `force`, because the dialog warns about unhealthy endpoints itself. */
	function dryRun(app, body) {
		return api.dryRun(app, body.command === 'blend' ? body : { ...body, force: true });
	}

	/** Sets the blend without a dialog. A refusal is shown, never thrown. Gives the seq that is known afterwards. */
	async function setBlend(app, target, seq, reason) {
		const release = releaseId(model.app(app)?.candidate);
		const send = () => api.setBlend(app, { percent: target, release, reason }, seq);
		await sendCommand(app, `Blend ${percent(target)}`, send).catch(() => {});
		return model.app(app)?.seq;
	}

	const context = { api, model, sendCommand, dryRun };
	const confirmWith =
		(build) =>
		(app, ...rest) =>
			confirmCommand(model, build(context, app, ...rest));

	return {
		isSending: (app) => (sending.get(app) ?? 0) > 0,
		dryRun,
		setBlend,
		promote: confirmWith(commands.promote),
		abort: confirmWith(commands.abort),
		rollback: confirmWith(commands.rollback),
		startRelease: confirmWith(commands.startRelease),
		setTrack: confirmWith(commands.setTrack),
		toggleSticky: confirmWith(commands.toggleSticky),
		approve: confirmWith(commands.approve),
		withdrawApproval: confirmWith(commands.withdrawApproval),
		pause: confirmWith(commands.pause),
		stopApp: confirmWith(commands.stopApp),
		resume: confirmWith(commands.resume),
		startPlan: confirmWith(commands.startPlan),
		pausePlan: confirmWith(commands.pausePlan),
		resumePlan: confirmWith(commands.resumePlan),
		skipPlanStep: confirmWith(commands.skipPlanStep),
		approvePlanStep: confirmWith(commands.approvePlanStep),
		stopPlan: confirmWith(commands.stopPlan),
		lock: confirmWith(commands.lock),
		unlock: confirmWith(commands.unlock),
		finishDrain: confirmWith(commands.finishDrain),
		finishDrains: confirmWith(commands.finishDrains),
		drainEndpoint: confirmWith(commands.drainEndpoint),
		liftDrain: confirmWith(commands.liftDrain),
	};
}

/** How far a change is applied; in the router's own words when some router is missing. */
function describeApplied(applied) {
	if (!applied) return '';
	if (applied.missing?.length) return `, ${applied.text}`;
	return `, applied on ${applied.applied} of ${applied.members} router${applied.members === 1 ? '' : 's'}`;
}

function describeOutcome({ result, seq, applied, local_abort: isLocal }) {
	if (isLocal) return 'done on this router alone. The store is given the abort as soon as it answers.';
	if (result === 'unchanged') return `nothing changed, because it was already so (change ${seq}).`;
	return `done as change ${seq}${describeApplied(applied)}.`;
}

function describeFailure({ status, message }, app) {
	if (status === 412) return 'not done: the app has changed in the meantime.';
	return status ? `not done: ${namesIn(message, app)}` : message;
}
