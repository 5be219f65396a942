// The confirmation of a command: what happens, what speaks against it, why. It carries the seq it was opened at: when the
// world has moved it says so, and sends nothing.

import { commandTitle } from '../describe.js';
import { freshId, h, keyed, setAttr, setShown, setText } from '../dom.js';
import { ago } from '../format.js';
import { openDialog } from './dialog.js';
import { button, errorLine, submitButton } from './controls.js';

// Refusals that the reader may insist against.
const INSISTED = new Set(['target_unhealthy', 'last_endpoint']);

/**
 * `command`: `{app, describe(state, values), send({seq, reason, force, values}), body?}`. `describe` gives `{title, submit, tone,
 * happens, clients?, against}` or `{impossible}`; `foretell(values)` asks the router who would move, whose answer takes the place of `clients`; `mayForce` offers to insist where it was refused for what serves; `body` is `{element, values(), error?(), onChange(run)}` for what must be chosen.
 */
export function confirmCommand(store, command) {
	let seq = store.app(command.app).seq;
	let busy = false;
	let moved = false;
	let done = false;
	const parts = layout(command);
	const dialog = openDialog({
		title: '',
		content: parts.form,
		wide: Boolean(command.body),
		testid: 'confirm-dialog',
		mayClose: () => !busy,
		onClose: () => unsubscribe(),
	});
	const values = () => command.body?.values() ?? {};

	let foretold = null;
	let movesTold = false;

	// Who moves, asked anew when something else is chosen or looked at.
	async function foretell() {
		const key = JSON.stringify([seq, values()]);
		if (!command.foretell || foretold === key) return;
		foretold = key;
		movesTold = false;
		const answer = await command.foretell(values()).catch(() => null);
		if (foretold !== key) return;
		movesTold = Boolean(answer?.moves?.length);
		keyed(parts.whoMoves, answer?.words ?? [], (line) => line, item);
		draw();
	}

	function draw() {
		const state = store.app(command.app);
		if (done || !state) return dialog.close();
		if (!busy && state.seq !== seq) moved = true;
		const told = moved || busy ? null : command.describe(state, values());
		setShown(parts.moved, moved);
		if (moved) setText(parts.movedText, movedWords(state));
		if (told) {
			if (!told.impossible) foretell();
			drawAdvice(parts, dialog, movesTold ? { ...told, clients: [] } : told, store.isStale());
		}
		const stop = moved || busy || Boolean(told?.impossible);
		setAttr(parts.submit, 'aria-disabled', stop ? 'true' : null);
		setAttr(parts.submit, 'aria-describedby', moved ? parts.movedText.id : told?.impossible ? parts.error.id : null);
		if (told?.impossible) setText(parts.error, told.impossible);
	}

	async function submit(event) {
		event.preventDefault();
		if (busy || parts.submit.getAttribute('aria-disabled')) return;
		const wrong =
			command.body?.error?.() ?? (command.reasonNeeded && !parts.reason.value.trim() ? 'Give a reason: others will see why.' : null);
		setText(parts.error, wrong ?? '');
		if (wrong) return;
		setBusy(true);
		try {
			await command.send({
				seq,
				reason: parts.reason.value.trim() || undefined,
				force: parts.force.checked || undefined,
				values: values(),
			});
			busy = false;
			done = true;
			dialog.close();
		} catch (error) {
			setBusy(false);
			refused(error);
		}
	}

	function setBusy(next) {
		busy = next;
		setAttr(parts.form, 'aria-busy', next ? 'true' : null);
		setText(parts.progress, next ? 'Sent; waiting until every router has applied it …' : '');
		draw();
	}

	function refused(error) {
		if (error.status === 412) {
			moved = true;
		} else {
			setText(parts.error, error.message);
			if (command.mayForce && INSISTED.has(error.code)) setShown(parts.forceRow, true);
		}
		draw();
	}

	parts.again.addEventListener('click', () => {
		seq = store.app(command.app)?.seq;
		moved = false;
		setText(parts.error, '');
		draw();
		parts.reason.focus();
	});
	parts.form.addEventListener('submit', submit);
	parts.cancel.addEventListener('click', () => {
		if (!busy) dialog.close();
	});
	command.body?.onChange(() => {
		setText(parts.error, '');
		draw();
	});
	const unsubscribe = store.subscribe(draw);
	draw();
	if (!command.body) parts.reason.focus();
}

function layout(command) {
	const id = freshId('reason');
	const parts = {
		happens: h('ul.advice', { testid: 'confirm-happens' }),
		whoMoves: h('ul.advice', { testid: 'confirm-who-moves', 'aria-live': 'polite' }),
		against: h('ul.advice.advice-against', { testid: 'confirm-against' }),
		againstNone: h('p.quiet', {}, '✓ Nothing that the router knows.'),
		reason: h('input.input', { id, autocomplete: 'off', maxlength: '500', testid: 'confirm-reason' }),
		force: h('input', { type: 'checkbox', id: `${id}-force`, testid: 'confirm-force' }),
		error: errorLine('confirm-error', { id: freshId('error') }),
		movedText: h('p', { id: freshId('moved') }),
		again: button('Look again', { testid: 'confirm-again' }),
		progress: h('p.quiet.progress', { role: 'status', testid: 'progress' }),
		cancel: button('Cancel', { testid: 'confirm-cancel' }),
		submit: submitButton('', 'confirm-submit'),
	};
	parts.moved = h('div.panel.is-warning.moved', { role: 'alert', testid: 'confirm-moved', hidden: true }, parts.movedText, parts.again);
	parts.advice = h(
		'div.stack',
		{},
		h('section', {}, h('h3', {}, 'What happens'), parts.happens, parts.whoMoves),
		h('section', {}, h('h3', {}, 'Against it'), parts.against, parts.againstNone),
	);
	parts.forceRow = h('p', { hidden: true }, h('label.check', {}, parts.force, ' Do it all the same'));
	parts.form = h(
		'form.dialog-body',
		{},
		command.body?.element,
		parts.advice,
		h('div.field', {}, h('label', { for: id }, command.reasonNeeded ? 'Reason' : 'Reason (optional)'), parts.reason),
		parts.moved,
		parts.forceRow,
		parts.error,
		h('div.dialog-buttons', {}, parts.progress, parts.cancel, parts.submit),
	);
	return parts;
}

function drawAdvice(parts, dialog, told, isStale) {
	if (told.title) setText(dialog.heading, told.title);
	if (told.submit) setText(parts.submit, told.submit);
	parts.submit.className = `button ${told.tone ?? 'primary'}`;
	setShown(parts.advice, Boolean(told.happens));
	keyed(parts.happens, [...(told.happens ?? []), ...(told.clients ?? [])], (line) => line, item);
	const against = [...(isStale ? ['The connection is lost: what this page knows may be old.'] : []), ...(told.against ?? [])];
	keyed(parts.against, against, (line) => line, item);
	setShown(parts.againstNone, against.length === 0);
}

const item = () => {
	const element = h('li');
	return { element, update: (line) => setText(element, line) };
};

function movedWords(state) {
	const by = state.updated
		? `${state.updated.actor ?? 'somebody'}: ${commandTitle(state.updated.command)}, ${ago(state.updated.at, Date.now())}`
		: 'a newer change';
	return `The app has changed since you opened this (now change ${state.seq}, ${by}). Nothing was done. Look again before you go on.`;
}
