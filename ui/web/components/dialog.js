// The one modal of the page: a <dialog>, whose modality the browser does; gives the focus back where it was.

import { freshId, h, setAttr, setText } from '../dom.js';
import { button, errorLine, submitButton } from './controls.js';

/** Opens a dialog with a heading and content; gives `{element, close}`. `onClose` runs once, however it ended. */
export function openDialog({ title, content, wide = false, testid, onClose = () => {}, mayClose = () => true }) {
	const heading = h('h2.dialog-title', { id: freshId('dialog'), tabindex: '-1' }, title);
	const element = h('dialog', { class: wide ? 'dialog is-wide' : 'dialog', 'aria-labelledby': heading.id, testid }, heading, content);
	const opener = document.activeElement;
	element.addEventListener('cancel', (event) => {
		if (!mayClose()) event.preventDefault();
	});
	element.addEventListener('close', () => {
		element.remove();
		if (opener?.isConnected) opener.focus();
		onClose();
	});
	document.body.append(element);
	element.showModal();
	return { element, heading, close: () => element.close() };
}

/**
 * Asks once: runs `send` when it is confirmed, closes and runs `done`, or says the refusal and stays. `stem` begins the test ids
 * `<stem>-dialog`, `-submit`, `-cancel` and `-error`.
 */
export function askOnce({ stem, title, content, submit, tone = 'stop', send, done }) {
	const error = errorLine(`${stem}-error`);
	const go = submitButton(submit, `${stem}-submit`, { tone });
	const cancel = button('Cancel', { testid: `${stem}-cancel` });
	const form = h('form.dialog-body', {}, content, error, h('div.dialog-buttons', {}, cancel, go));
	const dialog = openDialog({ title, content: form, testid: `${stem}-dialog` });
	cancel.addEventListener('click', () => dialog.close());
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (go.getAttribute('aria-disabled')) return;
		setAttr(go, 'aria-disabled', 'true');
		try {
			await send();
			dialog.close();
			await done();
		} catch (refusal) {
			setText(error, refusal.message);
			setAttr(go, 'aria-disabled', null);
		}
	});
}
