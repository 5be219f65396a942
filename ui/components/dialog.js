// The one modal of the page: a <dialog>, whose modality the browser does; gives the focus back where it was.

import { freshId, h } from '../dom.js';

/** Opens a dialog with a heading and content; gives `{element, close}`. `onClose` runs once, however it ended. */
export function openDialog({ title, content, wide = false, testid, onClose = () => {}, mayClose = () => true }) {
	const heading = h('h2.dialog-title', { id: freshId('dialog'), tabindex: '-1' }, title);
	const element = h('dialog', { class: wide ? 'dialog is-wide' : 'dialog', 'aria-labelledby': heading.id, testid }, heading, content);
	const opener = document.activeElement;
	element.addEventListener('cancel', (event) => { if (!mayClose()) event.preventDefault(); });
	element.addEventListener('close', () => {
		element.remove();
		if (opener?.isConnected) opener.focus();
		onClose();
	});
	document.body.append(element);
	element.showModal();
	return { element, heading, close: () => element.close() };
}
