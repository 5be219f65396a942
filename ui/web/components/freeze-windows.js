// The freeze windows of all apps, one on a line, for operators to change.

import { h, setAttr, setText } from '../dom.js';
import { button, errorLine, field, prose } from './controls.js';

const HINT = [
	'While one stands, CI can only abort and roll back, in every app. One on a line: every day `22:00 - 06:00 UTC`,',
	'every week `Fri 16:00 - Mon 08:00 Europe/Berlin`, every year `12-20 00:00 - 01-07 00:00 Asia/Tokyo`.',
	'The setting `freeze_windows` of an app adds windows of its own.',
].join(' ');

/** `update()` is to be called when what the reader may do has changed. */
export function freezeWindowsPanel({ api, model, notices }) {
	const text = h('textarea.input.mono', { id: 'freeze-windows', testid: 'freeze-windows', rows: '4', spellcheck: 'false' });
	const reason = h('input.input', { id: 'freeze-reason', testid: 'freeze-reason', autocomplete: 'off' });
	const error = errorLine('freeze-error');
	const why = h('p.why', { id: 'freeze-why' });
	const save = button('Save freeze windows', { type: 'submit', tone: 'primary', testid: 'freeze-save', 'aria-describedby': 'freeze-why' });
	const fields = [field('Windows', text), field('Reason', reason)];
	const form = h('form.stack', { on: { submit } }, fields, error, h('div.action-buttons', {}, save), why);
	let stored = null;
	let isSaving = false;

	const draft = () =>
		text.value
			.split('\n')
			.map((line) => line.trim())
			.filter(Boolean);

	function disabledReason() {
		if (model.readOnlyReason()) return model.readOnlyReason();
		if (!stored) return 'the windows are not loaded yet';
		if (isSaving) return 'the windows are being saved';
		return draft().join('\n') === stored.windows.join('\n') ? 'nothing has changed yet' : null;
	}

	function update() {
		const reason = disabledReason();
		text.readOnly = Boolean(model.readOnlyReason());
		setAttr(save, 'aria-disabled', reason ? 'true' : null);
		setText(why, reason ? `Save freeze windows: ${reason}.` : '');
	}

	async function load() {
		try {
			stored = await api.getFreezeWindows();
			text.value = stored.windows.join('\n');
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	async function submit(event) {
		event.preventDefault();
		if (disabledReason()) return;
		isSaving = true;
		update();
		try {
			stored = await api.setFreezeWindows({ windows: draft(), reason: reason.value.trim() || undefined }, stored.version);
			text.value = stored.windows.join('\n');
			reason.value = '';
			setText(error, '');
			notices.post({ text: 'The freeze windows of all apps are saved.', tone: 'done' });
		} catch (refusal) {
			setText(error, refusal.message);
			// What was typed stays; saving again is a decision on what is stored now.
			if (refusal.status === 412) stored = await api.getFreezeWindows().catch(() => stored);
		}
		isSaving = false;
		update();
	}

	text.addEventListener('input', update);
	load();
	return {
		element: h(
			'section.panel',
			{ 'aria-labelledby': 'freeze-title' },
			h('h2.panel-title', { id: 'freeze-title' }, 'Freeze windows of all apps'),
			h('p.quiet', {}, prose(HINT)),
			form,
		),
		update,
	};
}
