// The only modal of the page: a <dialog>, which the browser makes modal. When it closes, the focus goes back to where it was.

import { freshId, h, setAttr, setText } from '../dom.js';
import { button, errorLine, submitButton } from './controls.js';

// The browser's Back closes a dialog: it has an entry of its own in the history of the tab. One that is left over is used again.
const [OPEN, SPENT] = ['dialog', 'dialog-closed'];

function keepEntry() {
	if (history.state === SPENT) history.replaceState(OPEN, '');
	else history.pushState(OPEN, '');
}

/** Opens a dialog with a heading and content. `onClose` runs once, however it was closed. */
export function openDialog({ title, content, wide = false, testid, onClose = () => {}, mayClose = () => true }) {
	const heading = h('h2.dialog-title', { id: freshId('dialog'), tabindex: '-1' }, title);
	const element = h('dialog', { class: wide ? 'dialog is-wide' : 'dialog', 'aria-labelledby': heading.id, testid }, heading, content);
	const opener = document.activeElement;
	const closeOnBack = () => (mayClose() ? element.close() : keepEntry());
	element.addEventListener('cancel', (event) => {
		if (!mayClose()) event.preventDefault();
	});
	element.addEventListener('close', () => {
		window.removeEventListener('popstate', closeOnBack);
		if (history.state === OPEN) history.replaceState(SPENT, '');
		element.remove();
		if (opener?.isConnected) opener.focus();
		onClose();
	});
	keepEntry();
	window.addEventListener('popstate', closeOnBack);
	document.body.append(element);
	element.showModal();
	return { element, heading, close: () => element.close() };
}

/**
 * Opens a dialog with a form. When it is submitted, `send` runs; then the dialog closes and `done` runs, or it stays and shows the error. The
 * test ids are `<stem>-dialog`, `-submit`, `-cancel` and `-error`.
 */
export function openFormDialog({ stem, title, content, submit, tone = 'stop', send, done }) {
	const error = errorLine(`${stem}-error`);
	const submitControl = submitButton(submit, `${stem}-submit`, { tone });
	const cancel = button('Cancel', { testid: `${stem}-cancel` });
	const form = h('form.dialog-body', {}, content, error, h('div.dialog-buttons', {}, cancel, submitControl));
	const dialog = openDialog({ title, content: form, testid: `${stem}-dialog` });
	cancel.addEventListener('click', () => dialog.close());
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (submitControl.getAttribute('aria-disabled')) return;
		setAttr(submitControl, 'aria-disabled', 'true');
		try {
			await send();
			dialog.close();
			await done();
		} catch (refusal) {
			setText(error, refusal.message);
			setAttr(submitControl, 'aria-disabled', null);
		}
	});
}
