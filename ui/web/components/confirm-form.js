// What the confirmation of a command shows: the advice, the reason, and what went wrong.

import { freshId, h, setAttr, setShown, setText, showLines } from '../dom.js';
import { button, errorLine, submitButton } from './controls.js';

/** The elements of the form, by name. `command` is that of `confirm.js`. */
export function buildConfirmForm(command) {
	const id = freshId('reason');
	const parts = {
		effects: h('ul.advice', { testid: 'confirm-effects' }),
		dryRun: h('ul.advice', { testid: 'confirm-dry-run', 'aria-live': 'polite' }),
		warnings: h('ul.advice.advice-warnings', { testid: 'confirm-warnings' }),
		noWarning: h('p.quiet', {}, '✓ Nothing that the router knows.'),
		reason: h('input.input', { id, autocomplete: 'off', maxlength: '500', testid: 'confirm-reason' }),
		force: h('input', { type: 'checkbox', id: `${id}-force`, testid: 'confirm-force' }),
		local: h('input', { type: 'checkbox', id: `${id}-local`, testid: 'confirm-local' }),
		name: h('input.input.mono', { id: `${id}-name`, autocomplete: 'off', spellcheck: 'false', testid: 'confirm-name' }),
		nameLabel: h('label', { for: `${id}-name` }),
		error: errorLine('confirm-error', { id: freshId('error') }),
		outdatedText: h('p', { id: freshId('outdated') }),
		lookAgain: button('Look again', { testid: 'confirm-again' }),
		progress: h('p.quiet.progress', { role: 'status', testid: 'progress' }),
		cancel: button('Cancel', { testid: 'confirm-cancel' }),
		submit: submitButton('', 'confirm-submit'),
	};
	parts.outdated = h(
		'div.panel.is-warning.outdated',
		{ role: 'alert', testid: 'confirm-outdated', hidden: true },
		parts.outdatedText,
		parts.lookAgain,
	);
	parts.advice = h(
		'div.stack',
		{},
		h('section', {}, h('h3', {}, 'What happens'), parts.effects, parts.dryRun),
		h('section', {}, h('h3', {}, 'Against it'), parts.warnings, parts.noWarning),
	);
	parts.forceRow = h('p', { hidden: true }, h('label.check', {}, parts.force, ' Do it anyway'));
	parts.localRow = h(
		'p',
		{ hidden: true },
		h('label.check', {}, parts.local, ' On this router alone, until the store answers and takes the abort'),
	);
	parts.nameRow = h('div.field', { hidden: true }, parts.nameLabel, parts.name);
	parts.form = h(
		'form.dialog-body',
		{},
		command.body?.element,
		parts.advice,
		h('div.field', {}, h('label', { for: id }, command.needsReason ? 'Reason' : 'Reason (optional)'), parts.reason),
		parts.nameRow,
		parts.outdated,
		parts.forceRow,
		parts.localRow,
		parts.error,
		h('div.dialog-buttons', {}, parts.progress, parts.cancel, parts.submit),
	);
	return parts;
}

/** Shows what `describe` of a command gave. */
export function showAdvice(parts, dialog, { title, submit, tone, effects, moves = [], warnings = [] }) {
	if (title) setText(dialog.heading, title);
	if (submit) setText(parts.submit, submit);
	parts.submit.className = `button ${tone ?? 'primary'}`;
	setShown(parts.advice, Boolean(effects));
	showLines(parts.effects, [...(effects ?? []), ...moves]);
	showLines(parts.warnings, warnings);
	setShown(parts.noWarning, warnings.length === 0);
}

/** Asks for a name to be typed, or for none. */
export function showName(parts, name) {
	setShown(parts.nameRow, Boolean(name));
	setText(parts.nameLabel, name ? `Type ${name} to go on although it is worse` : '');
}

/** Disables the submit button while `isDisabled`; `reasonId` is the element that says why, if any. */
export function disableSubmit(parts, isDisabled, reasonId) {
	setAttr(parts.submit, 'aria-disabled', isDisabled ? 'true' : null);
	setAttr(parts.submit, 'aria-describedby', reasonId);
}
