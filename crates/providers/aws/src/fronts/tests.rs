mod classic;
mod elastic;
