// The confirmation of a command: what happens, what speaks against it, and the reason. It carries the seq it was opened at: when the
// app changes meanwhile, it says so and sends nothing until the reader has looked again.

import { commandTitle } from '../describe.js';
import { setAttr, setShown, setText, showLines } from '../dom.js';
import { ago } from '../format.js';
import { buildConfirmForm, disableSubmit, showAdvice, showName } from './confirm-form.js';
import { openDialog } from './dialog.js';

// Refusals that `force` overrides.
const FORCEABLE = new Set(['target_unhealthy', 'last_endpoint']);
// Refusals that only say how the store is, so that the router could still act alone.
const OUTAGES = new Set(['store_unavailable', 'store_diverged', 'outcome_unknown', 'disk']);

/**
 * Opens the confirmation of a command, which is an object of
 * - `app`;
 * - `describe(state, values)`: gives `{title, submit, tone, effects, moves?, warnings?, impossible?}`. `impossible` says why it cannot be
 *   sent; see `advice.js` for the lists;
 * - `send({seq, reason, force, local, values})`: sends it;
 * - `dryRun(values)?`: asks the router who would move, which replaces `moves`;
 * - `body?`: `{element, values(), error?(), onChange(run)}`, for what must be chosen;
 * - `mayForce?`: offers `force` after a refusal that it overrides;
 * - `mayBeLocal?`: offers `local` after a refusal because of the store;
 * - `needsReason?`: does not send without a reason;
 * - `nameToType?(state)`: a name that must be typed before it is sent, since much speaks against it; null: none.
 */
export function confirmCommand(model, command) {
	let seq = model.app(command.app).seq;
	let isBusy = false;
	let isOutdated = false;
	let isDone = false;
	let dryRunKey = null;
	let hasMoves = false;
	let refusal = null;
	let wasImpossible = false;
	const parts = buildConfirmForm(command);
	const dialog = openDialog({
		title: '',
		content: parts.form,
		wide: Boolean(command.body),
		testid: 'confirm-dialog',
		mayClose: () => !isBusy,
		onClose: () => unsubscribe(),
	});
	const values = () => command.body?.values() ?? {};

	/** Asks for the dry run, unless it is known for this seq and these values. */
	async function askDryRun() {
		const key = JSON.stringify([seq, values()]);
		if (!command.dryRun || dryRunKey === key) return;
		dryRunKey = key;
		hasMoves = false;
		refusal = null;
		const answer = await command.dryRun(values()).catch(({ status, message }) => (status === 409 ? { refusal: message } : null));
		if (dryRunKey !== key) return;
		hasMoves = Boolean(answer?.moves?.length);
		refusal = answer?.refusal;
		showLines(parts.dryRun, answer?.words ?? []);
		draw();
	}

	function draw() {
		const state = model.app(command.app);
		if (isDone || !state) return dialog.close();
		if (!isBusy && state.seq !== seq) isOutdated = true;
		setShown(parts.outdated, isOutdated);
		showName(parts, wantedName());
		if (isOutdated) setText(parts.outdatedText, describeOutdated(state));
		if (isOutdated || isBusy) return disableSubmit(parts, true, isOutdated ? parts.outdatedText.id : null);
		const described = command.describe(state, values());
		const impossible = described.impossible ?? (command.mayBeLocal ? null : sentence(model.refusal()));
		if (!impossible) askDryRun();
		showAdvice(parts, dialog, withDryRun(described));
		disableSubmit(parts, Boolean(impossible), impossible ? parts.error.id : null);
		if (impossible) setText(parts.error, impossible);
		else if (wasImpossible) setText(parts.error, '');
		wasImpossible = Boolean(impossible);
	}

	function withDryRun({ moves, warnings = [], ...described }) {
		const gate = refusal ? [`The router would refuse it now: ${refusal}`] : [];
		return { ...described, moves: hasMoves ? [] : moves, warnings: [...model.troubles(), ...gate, ...warnings] };
	}

	const wantedName = () => command.nameToType?.(model.app(command.app)) ?? null;

	function findError() {
		const error = command.body?.error?.();
		if (error) return error;
		const name = wantedName();
		if (name && parts.name.value.trim() !== name) return `Type ${name} to go on although it is worse.`;
		return command.needsReason && !parts.reason.value.trim() ? 'Give a reason, so that others know why.' : null;
	}

	async function submit(event) {
		event.preventDefault();
		if (isBusy || parts.submit.getAttribute('aria-disabled')) return;
		const error = findError();
		setText(parts.error, error ?? '');
		if (error) return;
		setBusy(true);
		const reason = parts.reason.value.trim() || undefined;
		try {
			const [force, local] = [parts.force, parts.local].map((box) => box.checked || undefined);
			await command.send({ seq, reason, force, local, values: values() });
			isBusy = false;
			isDone = true;
			dialog.close();
		} catch (refusal) {
			setBusy(false);
			showRefusal(refusal);
		}
	}

	function setBusy(next) {
		isBusy = next;
		setAttr(parts.form, 'aria-busy', next ? 'true' : null);
		setText(parts.progress, next ? 'Sent. Waiting until every router has applied it …' : '');
		draw();
	}

	function showRefusal({ status, code, message }) {
		if (status === 412) {
			isOutdated = true;
		} else {
			setText(parts.error, message);
			if (command.mayForce && FORCEABLE.has(code)) setShown(parts.forceRow, true);
			if (command.mayBeLocal && OUTAGES.has(code)) setShown(parts.localRow, true);
		}
		draw();
	}

	parts.lookAgain.addEventListener('click', () => {
		seq = model.app(command.app)?.seq;
		isOutdated = false;
		setText(parts.error, '');
		draw();
		parts.reason.focus();
	});
	parts.form.addEventListener('submit', submit);
	parts.cancel.addEventListener('click', () => {
		if (!isBusy) dialog.close();
	});
	command.body?.onChange(() => {
		setText(parts.error, '');
		draw();
	});
	const unsubscribe = model.subscribe(draw);
	draw();
	if (!command.body) parts.reason.focus();
}

const sentence = (reason) => (reason ? `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.` : null);

function describeOutdated({ seq, updated }) {
	const change = updated
		? `${updated.actor ?? 'somebody'}: ${commandTitle(updated.command)}, ${ago(updated.at, Date.now())}`
		: 'a newer change';
	return `The app has changed since you opened this dialog (now change ${seq}, ${change}). Nothing was done. Look again before you go on.`;
}
