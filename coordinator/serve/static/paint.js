// Painting squares as LEDs: WebGL2, or Canvas 2D where there is no graphics card for it; ?painter=webgl2 or 2d chooses.
// draw(rgba, columns, rows, view): `view` = { scale, left, top } in device pixels; alpha 0 marks a square without process.

import { FlatPainter } from "./flat.js";

const VERTEX = `#version 300 es
in vec2 corner; void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;
const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D squares; uniform vec2 size, origin; uniform float scale, height; uniform vec3 well;
out vec4 shown;
void main() {
  vec2 pixel = vec2(gl_FragCoord.x, height - gl_FragCoord.y);
  vec2 at = (pixel - origin) / scale;
  if (at.x < 0.0 || at.y < 0.0 || at.x >= size.x || at.y >= size.y) { shown = vec4(well, 1.0); return; }
  vec4 led = texelFetch(squares, ivec2(at), 0);
  bool on = led.a > 0.5;
  if (scale < 5.0) { shown = vec4(on ? led.rgb : well, 1.0); return; }
  vec2 inside = abs(fract(at) - 0.5);
  float soft = 1.0 / scale, reach = length(max(inside - 0.26, 0.0)) - 0.17;
  float lens = 1.0 - smoothstep(-soft, soft, reach);
  vec3 housing = well + 0.035;
  if (on) { shown = vec4(mix(housing, max(led.rgb, vec3(0.075)), lens), 1.0); return; }
  float cross = min(abs(inside.x - inside.y), 1.0);
  float mark = (1.0 - smoothstep(0.03, 0.03 + soft, cross)) * step(max(inside.x, inside.y), 0.2);
  shown = vec4(mix(well, vec3(0.42, 0.12, 0.12), mark), 1.0);
}`;
const WELL = [12 / 255, 14 / 255, 16 / 255];

class WebGLPainter {
  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.kind = "webgl2";
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    this.at = Object.fromEntries(["size", "origin", "scale", "height", "well"].map((name) => [name, gl.getUniformLocation(program, name)]));
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  }

  draw(rgba, columns, rows, view) {
    const { gl, canvas, at } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, columns, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
    gl.uniform2f(at.size, columns, rows);
    gl.uniform2f(at.origin, view.left, view.top);
    gl.uniform1f(at.scale, view.scale);
    gl.uniform1f(at.height, canvas.height);
    gl.uniform3f(at.well, ...WELL);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}

// Whether the processor would have to do a graphics card's work; asked of a canvas that is thrown away.
let software = null; // asked once
function inSoftware() {
  if (software !== null) return software;
  const gl = document.createElement("canvas").getContext("webgl2"), told = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = gl ? String(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER)) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return (software = /swiftshader|llvmpipe|softpipe|software/i.test(name));
}

// A canvas keeps the kind of its first context, so a lost WebGL gets a new canvas in place of the old one.
export function makePainter(canvas, lost) {
  const wish = new URLSearchParams(location.search).get("painter"), flat = wish === "2d" || (wish !== "webgl2" && inSoftware());
  const gl = flat ? null : canvas.getContext("webgl2", { antialias: false, alpha: false });
  if (gl === null) return new FlatPainter(canvas);
  canvas.addEventListener("webglcontextlost", () => {
    const fresh = canvas.cloneNode();
    canvas.replaceWith(fresh);
    lost(new FlatPainter(fresh));
  });
  return new WebGLPainter(canvas, gl);
}
